package client

import (
	"mime"
	"net/http"
	"slices"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/media"
)

func (h *API) mediaRoutes(open, auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v1 = "/_matrix/client/v1/media/"
	const old = "/_matrix/media/v3/"
	return []httpx.Route{
		auth("POST /_matrix/media/v1/create", h.reserve),
		auth("POST "+old+"upload", h.upload),
		auth("PUT "+old+"upload/{serverName}/{mediaId}", h.uploadTo),
		auth("GET "+v1+"config", h.mediaConfig),
		auth("GET "+v1+"preview_url", h.previewURL),
		auth("GET "+old+"preview_url", h.previewURL),
		auth("GET "+v1+"download/{serverName}/{mediaId}", h.download),
		auth("GET "+v1+"download/{serverName}/{mediaId}/{fileName}", h.download),
		auth("GET "+v1+"thumbnail/{serverName}/{mediaId}", h.thumbnail),
		auth("GET "+old+"config", h.mediaConfig),
		open("GET "+old+"download/{rest...}", h.noOpenMedia),
		open("GET "+old+"thumbnail/{rest...}", h.noOpenMedia),
	}
}

// spec: client-server-api#post_matrixmediav3upload
func (h *API) upload(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	// A connection that cannot have its deadline moved keeps the server's own.
	f, err := h.Media.Upload(r.Context(), incoming(r, a))
	if err != nil {
		hangUp(w)
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"content_uri": h.Media.URI(f.ID)})
}

// incoming is the file that a request brings.
func incoming(r *http.Request, a account.Actor) media.Upload {
	return media.Upload{Owner: a.User, Body: r.Body, SizeBytes: r.ContentLength, Type: r.Header.Get("Content-Type"), Name: r.URL.Query().Get("filename")}
}

// hangUp ends the connection after an answer that comes before the file was read: what else is on its way will not be.
func hangUp(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

// reserve gives out the name of a file that will come later.
// spec: client-server-api#post_matrixmediav1create
func (h *API) reserve(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	name, until, err := h.Media.Reserve(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"content_uri": h.Media.URI(name), "unused_expires_at": until.UnixMilli()})
}

// spec: client-server-api#put_matrixmediav3uploadservernamemediaid
func (h *API) uploadTo(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if _, err := h.Media.UploadTo(r.Context(), r.PathValue("serverName"), r.PathValue("mediaId"), incoming(r, a)); err != nil {
		hangUp(w)
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#get_matrixclientv1mediapreview_url
func (h *API) previewURL(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if _, err := httpx.Query(r, "ts", 0); err != nil {
		return err
	}
	data, err := h.Previews.Look(r.Context(), r.URL.Query().Get("url"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, data)
}

// patience is how long a client waits for a file that is still being sent.
func patience(r *http.Request) (time.Duration, error) {
	ms, err := httpx.Query(r, "timeout_ms", int(media.WaitDefault.Milliseconds()))
	return wait(ms), err
}

// spec: client-server-api#get_matrixclientv1mediaconfig
func (h *API) mediaConfig(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]int64{"m.upload.size": h.Media.Limit()})
}

// noOpenMedia answers the older calls, which know no user.
// spec: client-server-api#content-repository
func (h *API) noOpenMedia(http.ResponseWriter, *http.Request, account.Actor) error {
	return fault.New(fault.NotFound, "M_NOT_FOUND", "Files are only for people who are signed in.")
}

// spec: client-server-api#get_matrixclientv1mediadownloadservernamemediaidfilename
func (h *API) download(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	wait, err := patience(r)
	if err != nil {
		return err
	}
	c, err := h.Media.Download(r.Context(), r.PathValue("serverName"), r.PathValue("mediaId"), wait)
	if err != nil {
		return err
	}
	if name := r.PathValue("fileName"); name != "" {
		c.Name = name
	}
	return serveMedia(w, r, c)
}

// spec: client-server-api#get_matrixclientv1mediathumbnailservernamemediaid
func (h *API) thumbnail(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	width, err := httpx.Query(r, "width", 0)
	if err != nil {
		return err
	}
	height, err := httpx.Query(r, "height", 0)
	if err != nil {
		return err
	}
	method := r.URL.Query().Get("method")
	if method != "" && method != "scale" && method != "crop" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The method is scale or crop.")
	}
	wait, err := patience(r)
	if err != nil {
		return err
	}
	ask := media.Ask{Width: width, Height: height, Crop: method == "crop", Animated: r.URL.Query().Get("animated") == "true", Wait: wait}
	c, err := h.Media.Thumbnail(r.Context(), r.PathValue("serverName"), r.PathValue("mediaId"), ask)
	if err != nil {
		return err
	}
	return serveMedia(w, r, c)
}

// inlineTypes are what a browser may show in place; everything else is only saved.
// spec: client-server-api#serving-inline-content
var inlineTypes = []string{"text/css", "text/plain", "text/csv", "application/json", "application/ld+json", "image/jpeg", "image/gif", "image/png", "image/apng",
	"image/webp", "image/avif", "video/mp4", "video/webm", "video/ogg", "video/quicktime", "audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg",
	"audio/wave", "audio/wav", "audio/x-wav", "audio/x-pn-wav", "audio/flac", "audio/x-flac"}

// mediaPolicy lets a file that a browser opens do nothing.
// spec: client-server-api#get_matrixclientv1mediadownloadservernamemediaid
const mediaPolicy = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';"

// serveMedia writes a file with the headers that keep it from acting as a page, and closes it.
func serveMedia(w http.ResponseWriter, r *http.Request, c *media.Content) error {
	defer c.Close()
	disposition := "attachment"
	if kind, _, err := mime.ParseMediaType(c.Type); err == nil && slices.Contains(inlineTypes, kind) {
		disposition = "inline"
	}
	if c.Name != "" {
		if full := mime.FormatMediaType(disposition, map[string]string{"filename": c.Name}); full != "" {
			disposition = full
		}
	}
	head := w.Header()
	head.Set("Content-Type", c.Type)
	head.Set("Content-Disposition", disposition)
	head.Set("Content-Security-Policy", mediaPolicy)
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "private, max-age=31536000, immutable")
	head.Set("ETag", `"`+c.ETag+`"`)
	http.ServeContent(w, r, "", c.ModifiedAt, c)
	return nil
}
