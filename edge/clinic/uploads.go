package clinic

import (
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/media"
)

// uploadState says how much of a file has come, so that a client goes on from there.
func (h *handler) uploadState(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	got, err := h.Media.Received(r.Context(), a.User, r.PathValue("media"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, render(got))
}

// uploadPart takes the next stretch of a file.
func (h *handler) uploadPart(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	at, err := httpx.Query(r, "offset", -1)
	if err != nil {
		return err
	}
	size, err := httpx.Query(r, "size", 0)
	if err != nil {
		return err
	}
	if at < 0 || size <= 0 {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "A part of a file needs its offset and the file's size.")
	}
	got, err := h.Media.Append(r.Context(), r.PathValue("media"), media.Part{Owner: a.User, Offset: int64(at), Total: int64(size), Body: r.Body, Type: r.Header.Get("Content-Type")})
	if err != nil {
		w.Header().Set("Connection", "close") // what else of it is on its way is not read
		return err
	}
	return httpx.JSON(w, http.StatusOK, render(got))
}

// dropUpload takes back a file that will not be sent after all.
func (h *handler) dropUpload(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Media.Abandon(r.Context(), a.User, r.PathValue("media")); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

func render(got media.Received) map[string]any {
	return map[string]any{"offset": got.Offset, "size": got.Total, "done": got.Done}
}
