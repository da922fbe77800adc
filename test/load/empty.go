package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"

	"drydock/gateway"
)

// emptyCommand makes this binary the empty server.
const emptyCommand = "serve-empty"

// replyPath sets how many bytes the empty server answers from then on.
const replyPath = "/.reply"

// serveEmpty answers every request with 200 and a body of the size that was set last, once it has read the request's
// body to the end. Its http.Server is the one drydock uses.
func serveEmpty() error {
	listener, err := gateway.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	var reply atomic.Pointer[[]byte]
	reply.Store(new([]byte))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the client went away
		}
		switch r.URL.Path {
		case metricsPath:
			writeAllocations(w)
			return
		case replyPath:
			n, err := strconv.Atoi(r.URL.RawQuery)
			if err != nil || n < 0 {
				http.Error(w, "no size", http.StatusBadRequest)
				return
			}
			reply.Store(new(make([]byte, n)))
			return
		}
		body := *reply.Load()
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
		_, _ = w.Write(body) // fails only when the client went away
	})
	return gateway.NewServer(handler, slog.New(slog.NewTextHandler(os.Stderr, nil))).Serve(listener)
}
