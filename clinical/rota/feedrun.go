package rota

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/run"
)

// every is how often a feed is fetched; maxFeed bounds what is read of it.
const (
	every   = 15 * time.Minute
	maxFeed = 32 << 20
)

// RunFeeds fetches each feed when its time has come, and tells whoever keeps its rota when it has stopped, again each day. It returns nil
// when ctx ends.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (s *Service) RunFeeds(ctx context.Context) error {
	for {
		all, err := s.Feeds(ctx)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.URL != "" && s.Now().Sub(f.TriedAt) >= every {
				if err := s.fetch(ctx, f); err != nil && ctx.Err() == nil {
					s.Log.Warn("rota feed could not be read", "feed", f.ID, "err", err)
				}
			}
			if err := s.stale(ctx, f.ID); err != nil {
				return err
			}
		}
		if !run.Wait(ctx, time.Minute, nil) {
			return nil
		}
	}
}

// FetchFeed reads a feed now, and returns it with what came of that: what went wrong is in its report and no error. Only administrators may.
func (s *Service) FetchFeed(ctx context.Context, by directory.By, feed string) (Feed, error) {
	if !by.Admin {
		return Feed{}, fault.New(fault.Forbidden, "M_FORBIDDEN", "Only administrators may do that.")
	}
	f, err := db.One(ctx, s.DB, feedByID, scanFeed, feed)
	if err != nil {
		return f, err
	}
	if f.URL == "" {
		return f, fault.New(fault.Invalid, "M_INVALID_PARAM", "This feed is sent in; there is nowhere to fetch it from.")
	}
	went := s.fetch(ctx, f)
	if f, err = db.One(ctx, s.DB, feedByID, scanFeed, feed); err == nil && f.Report.Error == "" {
		err = went
	}
	return f, err
}

func (s *Service) fetch(ctx context.Context, f Feed) error {
	raw, err := s.download(ctx, f.URL)
	if err != nil {
		return errFeed(err, s.failed(ctx, f.ID, err))
	}
	_, err = s.TakeFeed(ctx, f.ID, raw)
	return err
}

// download fetches what an address says now.
func (s *Service) download(ctx context.Context, from string) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	client := s.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxFeed+1))
	if err == nil && (res.StatusCode != http.StatusOK || len(raw) > maxFeed) {
		err = fmt.Errorf("status %d, %d bytes", res.StatusCode, len(raw))
	}
	return raw, err
}

// stale tells whoever keeps the rota that a feed has stopped.
func (s *Service) stale(ctx context.Context, feed string) error {
	now := s.Now()
	f, err := db.One(ctx, s.DB, feedByID, scanFeed, feed)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || now.Sub(f.OKAt) < f.Stale || now.Sub(f.ToldAt) < 24*time.Hour {
		return err
	}
	return s.DB.WriteLast(ctx, "rota.feed_stale", func(ctx context.Context, tx *db.Tx) error {
		if f, err = db.One(ctx, tx, feedByID, scanFeed, feed); err != nil {
			return err
		}
		f.ToldAt = now
		if err := f.save(ctx, tx); err != nil {
			return err
		}
		return s.tellKeepers(ctx, tx, f, fmt.Sprintf("The rota feed %s has not been read since %s. What it said last still counts; check it.", f.Name, Local(f.OKAt).Format("Mon 2 Jan 15:04")))
	})
}
