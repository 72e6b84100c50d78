//go:build goolm

package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// person is somebody on one device of mautrix-go.
type person struct {
	t      *testing.T
	client *mautrix.Client
	olm    *crypto.OlmMachine
	since  string
	heard  map[id.EventID]*event.Event
	joined map[id.RoomID]bool
	asked  map[id.RoomID]bool
}

// closed is what the library's cryptography asks of a client about its rooms: here all are encrypted.
type closed struct{ rooms func() []id.RoomID }

func (closed) IsEncrypted(context.Context, id.RoomID) (bool, error) { return true, nil }
func (closed) GetEncryptionEvent(context.Context, id.RoomID) (*event.EncryptionEventContent, error) {
	return &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}, nil
}
func (closed) GetHistoryVisibility(context.Context, id.RoomID) (*event.HistoryVisibilityEventContent, error) {
	return &event.HistoryVisibilityEventContent{HistoryVisibility: event.HistoryVisibilityShared}, nil
}
func (c closed) FindSharedRooms(context.Context, id.UserID) ([]id.RoomID, error) {
	return c.rooms(), nil
}

func signIn(t *testing.T, at, name string) *person {
	t.Helper()
	register(t, at, name)
	client, err := mautrix.NewClient(at, "", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Login(t.Context(), &mautrix.ReqLogin{Type: mautrix.AuthTypePassword, Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: name},
		Password: "password of " + name, StoreCredentials: true})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, client: client, heard: map[id.EventID]*event.Event{}, joined: map[id.RoomID]bool{}, asked: map[id.RoomID]bool{}}
	quiet := zerolog.Nop()
	p.olm = crypto.NewOlmMachine(client, &quiet, crypto.NewMemoryStore(nil), closed{func() (all []id.RoomID) {
		for r := range p.joined {
			all = append(all, r)
		}
		return all
	}})
	p.ok(p.olm.Load(t.Context()))
	p.ok(p.olm.ShareKeys(t.Context(), 0))
	p.sync(0)
	return p
}

func (p *person) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// sync asks once for news and works through it as the library's own loop does.
func (p *person) sync(wait time.Duration) {
	p.t.Helper()
	r, err := p.client.SyncRequest(p.t.Context(), int(wait.Milliseconds()), p.since, "", false, "")
	p.ok(err)
	p.olm.ProcessSyncResponse(p.t.Context(), r, p.since)
	p.since = r.NextBatch
	for room := range r.Rooms.Invite {
		p.asked[room] = true
	}
	for room := range r.Rooms.Leave {
		delete(p.joined, room)
	}
	for room, news := range r.Rooms.Join {
		p.joined[room] = true
		for _, ev := range slices.Concat(news.State.Events, news.Timeline.Events) {
			ev.RoomID = room
			ev.Type.Class = event.MessageEventType
			if ev.StateKey != nil {
				ev.Type.Class = event.StateEventType
			}
			if err := ev.Content.ParseRaw(ev.Type); err != nil && !errors.Is(err, event.ErrUnsupportedContentType) {
				p.t.Errorf("%s of %s: %v", ev.Type.Type, ev.ID, err)
			}
			if ev.Type == event.StateMember {
				p.olm.HandleMemberEvent(p.t.Context(), ev)
			}
			if ev.Type == event.EventEncrypted {
				clear, err := p.olm.DecryptMegolmEvent(p.t.Context(), ev)
				p.ok(err)
				ev = clear
			}
			p.heard[ev.ID] = ev
		}
	}
}

// until asks for news until what is true. The test's own time limit ends what never comes.
func (p *person) until(what func() bool) {
	p.t.Helper()
	for !what() {
		p.sync(20 * time.Second)
	}
}

func (p *person) hears(ev id.EventID) string {
	p.t.Helper()
	p.until(func() bool { return p.heard[ev] != nil })
	return p.heard[ev].Content.AsMessage().Body
}

// TestClient lets two people talk by mautrix-go: in the clear, with a file, and encrypted by its own cryptography.
func TestClient(t *testing.T) {
	at := start(t)
	asha, tom := signIn(t, at, "asha"), signIn(t, at, "tom")
	ctx := t.Context()
	made, err := asha.client.CreateRoom(ctx, &mautrix.ReqCreateRoom{Name: "Ward 7", Preset: "private_chat", Invite: []id.UserID{tom.client.UserID}})
	asha.ok(err)
	tom.until(func() bool { return tom.asked[made.RoomID] })
	_, err = tom.client.JoinRoomByID(ctx, made.RoomID)
	tom.ok(err)
	tom.until(func() bool { return tom.joined[made.RoomID] })
	t.Run("Clear", func(t *testing.T) {
		sent, err := asha.client.SendText(ctx, made.RoomID, "Bed 12 is back")
		asha.ok(err)
		if got := tom.hears(sent.EventID); got != "Bed 12 is back" {
			t.Errorf("tom heard %q", got)
		}
		asha.ok(tom.client.SendReceipt(ctx, made.RoomID, sent.EventID, event.ReceiptTypeRead, nil))
		gone, err := asha.client.RedactEvent(ctx, made.RoomID, sent.EventID)
		asha.ok(err)
		tom.hears(gone.EventID)
	})
	t.Run("File", func(t *testing.T) {
		data := bytes.Repeat([]byte("chart"), 10_000)
		up, err := asha.client.UploadBytesWithName(ctx, data, "application/octet-stream", "chart.bin")
		asha.ok(err)
		got, err := tom.client.DownloadBytes(ctx, up.ContentURI)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back (%v), want %d", len(got), err, len(data))
		}
	})
	t.Run("Identity", func(t *testing.T) {
		key, err := asha.olm.GenerateAndVerifyWithRecoveryKey(ctx)
		asha.ok(err)
		asha.ok(asha.olm.VerifyWithRecoveryKey(ctx, key))
		own, err := asha.olm.GetOwnCrossSigningPublicKeys(ctx)
		asha.ok(err)
		seen, err := tom.olm.GetCrossSigningPublicKeys(ctx, asha.client.UserID)
		if err != nil || seen == nil || seen.MasterKey != own.MasterKey {
			t.Errorf("tom sees %v of asha's identity (%v), want %v", seen, err, own)
		}
	})
	t.Run("Encrypted", func(t *testing.T) {
		both := []id.UserID{asha.client.UserID, tom.client.UserID}
		_, err := asha.client.SendStateEvent(ctx, made.RoomID, event.StateEncryption, "", event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1})
		asha.ok(err)
		for _, one := range []struct{ from, to *person }{{asha, tom}, {tom, asha}} {
			one.from.ok(one.from.olm.ShareGroupSession(ctx, made.RoomID, both))
			words := "for two people only, from " + one.from.client.UserID.String()
			cipher, err := one.from.olm.EncryptMegolmEvent(ctx, made.RoomID, event.EventMessage, event.MessageEventContent{MsgType: event.MsgText, Body: words})
			one.from.ok(err)
			sent, err := one.from.client.SendMessageEvent(ctx, made.RoomID, event.EventEncrypted, cipher)
			one.from.ok(err)
			if got := one.to.hears(sent.EventID); got != words {
				t.Errorf("%s heard %q", one.to.client.UserID, got)
			}
		}
	})
	_, err = tom.client.Logout(ctx)
	tom.ok(err)
	if _, err := tom.client.Whoami(ctx); !errors.Is(err, mautrix.MUnknownToken) {
		t.Errorf("after signing out: %v", err)
	}
}

// TestAppservice registers a bridge of mautrix-go, by the file that it writes itself, and lets a person talk with one of its users.
func TestAppservice(t *testing.T) {
	reg := appservice.CreateRegistration()
	reg.ID, reg.SenderLocalpart, reg.EphemeralEvents = "irc", "_irc_bot", true
	reg.Namespaces.UserIDs.Register(regexp.MustCompile(`^@_irc_.*:hs1$`), true)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg.URL = "http://" + ln.Addr().String()
	dir := t.TempDir()
	if err := reg.Save(filepath.Join(dir, "irc.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not a registration"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := start(t, "-appservices", dir)
	as, err := appservice.CreateFull(appservice.CreateOpts{Registration: reg, HomeserverDomain: "hs1", HomeserverURL: at})
	if err != nil {
		t.Fatal(err)
	}
	as.Live, as.Ready = true, true
	service := httptest.NewUnstartedServer(as.Router)
	_ = service.Listener.Close()
	service.Listener = ln
	service.Start()
	t.Cleanup(service.Close)
	ctx := t.Context()
	if _, err := as.BotIntent().AppservicePing(ctx, reg.ID, "txn"); err != nil {
		t.Fatalf("ping: %v", err)
	}
	asha := signIn(t, at, "asha")
	ann := as.Intent(id.NewUserID("_irc_ann", "hs1"))
	made, err := asha.client.CreateRoom(ctx, &mautrix.ReqCreateRoom{Name: "Bridged", Preset: "public_chat"})
	asha.ok(err)
	asha.ok(ann.EnsureRegistered(ctx))
	asha.ok(ann.EnsureJoined(ctx, made.RoomID))
	sent, err := ann.SendMassagedMessageEvent(ctx, made.RoomID, event.EventMessage, event.MessageEventContent{MsgType: event.MsgText, Body: "from afar"}, 86_400_000)
	asha.ok(err)
	if got := asha.hears(sent.EventID); got != "from afar" || asha.heard[sent.EventID].Timestamp != 86_400_000 {
		t.Errorf("asha heard %q of %d", got, asha.heard[sent.EventID].Timestamp)
	}
	back, err := asha.client.SendText(ctx, made.RoomID, "and back")
	asha.ok(err)
	for {
		select {
		case ev := <-as.Events:
			if ev.ID == back.EventID {
				return
			}
		case <-ctx.Done():
			t.Fatal("the service never heard it")
		}
	}
}
