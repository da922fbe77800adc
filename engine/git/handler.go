package git

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

const (
	uploadBodyLimit = 64 << 20
	tailLimit       = 1 << 20 // of a body, behind what matters
	// DefaultPushLimit is the size of the largest push that a Handler takes unless told otherwise.
	DefaultPushLimit int64 = 16 << 30
)

// Handler serves repositories over git's smart HTTP protocol, below whatever path a caller mounts it at: it looks only
// at how the path ends.
type Handler struct {
	// Open finds the repository a request is for and decides whether the caller may use the service. It returns nil
	// after it has written the answer itself, such as 401 with WWW-Authenticate. It must not read the body.
	Open func(w http.ResponseWriter, r *http.Request, service Service) *Access
	// PushLimit bounds the bytes of a push, unpacked from its transfer encoding; 0 means DefaultPushLimit.
	PushLimit int64
	// Log gets what went wrong on this side; nil means nowhere.
	Log *slog.Logger
}

// Access is the repository a request may use, and what watches over a push to it; see Repository.ReceivePack.
type Access struct {
	Repository *Repository
	Authorize  func([]RefUpdate) error
	Committed  func([]RefUpdate)
}

// SplitPath takes the path of a request apart: what comes before git's own part, and the service that is asked for. It
// reports false for paths that git clients do not use.
func SplitPath(path string, query func(string) string) (base string, service Service, ok bool) {
	if base, ok := strings.CutSuffix(path, "/info/refs"); ok {
		service := Service(query("service"))
		return base, service, service == UploadPack || service == ReceivePack || service == ""
	}
	for _, service := range []Service{UploadPack, ReceivePack} {
		if base, ok := strings.CutSuffix(path, "/"+string(service)); ok {
			return base, service, true
		}
	}
	return "", "", false
}

// ServeHTTP answers GET .../info/refs?service=..., POST .../git-upload-pack and POST .../git-receive-pack. The
// ResponseWriter must let http.ResponseController reach the server's own, as progress is sent while a push is read.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, service, ok := SplitPath(r.URL.Path, r.URL.Query().Get)
	if !ok {
		http.NotFound(w, r)
		return
	}
	advertise := strings.HasSuffix(r.URL.Path, "/info/refs")
	switch {
	case advertise && r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	case !advertise && r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	case service == "":
		http.Error(w, "only git's smart HTTP protocol is served", http.StatusForbidden)
		return
	case !advertise && r.Header.Get("Content-Type") != "application/x-"+string(service)+"-request":
		http.Error(w, "unexpected content type", http.StatusUnsupportedMediaType)
		return
	}
	access := h.Open(w, r, service)
	if access == nil {
		return
	}
	header := w.Header()
	header.Set("Expires", "Fri, 01 Jan 1980 00:00:00 GMT")
	header.Set("Pragma", "no-cache")
	header.Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	out := &flushWriter{ResponseWriter: w}
	var err error
	switch {
	case advertise:
		header.Set("Content-Type", "application/x-"+string(service)+"-advertisement")
		err = access.Repository.AdvertiseRefs(r.Context(), out, service, r.Header.Get("Git-Protocol"))
	default:
		header.Set("Content-Type", "application/x-"+string(service)+"-result")
		err = h.serve(out, r, service, access)
	}
	if err != nil {
		h.fail(r.Context(), out, service, access.Repository, err)
	}
}

func (h *Handler) serve(out *flushWriter, r *http.Request, service Service, access *Access) error {
	limit := int64(uploadBodyLimit)
	if service == ReceivePack {
		if limit = h.PushLimit; limit == 0 {
			limit = DefaultPushLimit
		}
	}
	raw := &endReader{r: r.Body}
	body := io.Reader(raw)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return fmt.Errorf("request body: %w: %w", err, ErrProtocol)
		}
		body = unzipped
	default:
		return fmt.Errorf("content encoding %.50q: %w", encoding, errEncoding)
	}
	body = &limitReader{r: body, left: limit}
	// Without this the server would throw away the rest of the body at the first byte of the answer. HTTP/2 needs no
	// permission and says that it is not supported.
	_ = http.NewResponseController(out.ResponseWriter).EnableFullDuplex()
	var err error
	if service == UploadPack {
		err = access.Repository.UploadPack(r.Context(), out, body, r.Header.Get("Git-Protocol"))
	} else {
		err = access.Repository.ReceivePack(r.Context(), out, body, access.Authorize, access.Committed)
	}
	// In full duplex the connection can serve another request only if this one's body was read to its end, which
	// neither gzip nor git's own end marks see to.
	if !raw.ended {
		_, _ = io.CopyN(io.Discard, raw, tailLimit)
	}
	if !raw.ended {
		out.Header().Set("Connection", "close")
		if out.written {
			panic(http.ErrAbortHandler)
		}
	}
	return err
}

// endReader notes that it was read to the end.
type endReader struct {
	r     io.Reader
	ended bool
}

func (e *endReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.ended = e.ended || err != nil
	return n, err
}

var errEncoding = errors.New("unsupported content encoding")

// fail answers with a status when nothing was written yet, otherwise breaks the answer off.
func (h *Handler) fail(ctx context.Context, out *flushWriter, service Service, repository *Repository, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errEncoding):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, ErrProtocol), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		status = http.StatusBadRequest
	case errors.Is(err, ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case ctx.Err() != nil:
		return // the client has gone
	}
	if status == http.StatusInternalServerError && h.Log != nil {
		h.Log.ErrorContext(ctx, "git request failed", "service", string(service), "repository", repository.ID(), "error", err)
	}
	if out.written {
		panic(http.ErrAbortHandler) // the only way to tell a client that an answer is not whole
	}
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text := http.StatusText(status)
	if status < 500 {
		text = err.Error()
	}
	out.WriteHeader(status)
	_, _ = io.WriteString(out, text+"\n")
}

// flushWriter sends on what it is given, so that progress arrives while it happens.
type flushWriter struct {
	http.ResponseWriter
	written bool
}

func (w *flushWriter) Write(p []byte) (int, error) {
	w.written = true
	n, err := w.ResponseWriter.Write(p)
	if err == nil && len(p) < 16<<10 { // larger ones come from packs, which need not hurry
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
	return n, err
}

// limitReader fails, rather than ends, when there is more than it lets through.
type limitReader struct {
	r    io.Reader
	left int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		var one [1]byte
		if n, err := l.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, fmt.Errorf("request body: %w", ErrTooLarge)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}
