package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"drydock/blob"
	"drydock/blob/disk"
	"drydock/gateway"
)

// bareCommand makes this binary the bare server, which keeps what it is sent in the folder that follows.
const bareCommand = "serve-bare"

const (
	// logSize is how long the log of the bare server is, which begins anew at its end.
	logSize = 8 << 20
	// logged is the size of the largest body that goes into the log; larger ones become files.
	logged = 64 << 10
)

// serveBare does for a write what cannot be left out: it reads the body and has it on the disk when it answers, small ones
// by a log whose syncs many share, large ones in a file of their own. It knows no caller, computes no checksum and encrypts
// nothing. What it reaches is what the machine and net/http leave to any server that keeps what it acknowledges.
func serveBare(dir string) error {
	files, err := disk.Open(filepath.Join(dir, "files"))
	if err != nil {
		return err
	}
	l, err := newSharedLog(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	go l.sync()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // as drydock does
	listener, err := gateway.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	store := blob.New(files)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == metricsPath {
			writeAllocations(w)
			return
		}
		keep := l.keep
		if r.ContentLength > logged {
			keep = func(body io.Reader) error { return keepFile(r.Context(), store, body) }
		}
		if err := keep(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return gateway.NewServer(handler, slog.New(slog.NewTextHandler(os.Stderr, nil))).Serve(listener)
}

func writeAllocations(w io.Writer) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	_, _ = fmt.Fprintln(w, allocationsName, mem.Mallocs) // fails only when the client went away
}

// keepFile writes a body into a file of its own, as the product's store does, and deletes it, as being replaced does.
func keepFile(ctx context.Context, store *blob.Store, body io.Reader) error {
	w, err := store.Create(ctx)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, body); err != nil {
		_ = w.Abort() // the copy's error says more
		return err
	}
	kept, err := w.Commit()
	if err != nil {
		return err
	}
	return store.Delete(ctx, kept.ID)
}

// sharedLog is a file of zeros that bodies are written over, one after the other. A sync is for all that came before it.
type sharedLog struct {
	file *os.File
	at   int64
	work chan struct{}

	mu      sync.Mutex // guards the fields below
	pending []byte
	waiting []chan error
}

func newSharedLog(path string) (*sharedLog, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(make([]byte, logSize)); err != nil {
		return nil, err
	}
	return &sharedLog{file: f, work: make(chan struct{}, 1)}, f.Sync()
}

// keep returns when the body is on the disk.
func (l *sharedLog) keep(body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	l.mu.Lock()
	l.pending, l.waiting = append(l.pending, data...), append(l.waiting, done)
	l.mu.Unlock()
	select {
	case l.work <- struct{}{}:
	default: // it is told already
	}
	return <-done
}

// sync writes and syncs what is pending, for ever.
func (l *sharedLog) sync() {
	for range l.work {
		l.mu.Lock()
		data, waiting := l.pending, l.waiting
		l.pending, l.waiting = nil, nil
		l.mu.Unlock()
		if l.at+int64(len(data)) > logSize {
			l.at = 0
		}
		_, err := l.file.WriteAt(data, l.at)
		l.at += int64(len(data))
		if err == nil {
			err = syncData(l.file)
		}
		for _, done := range waiting {
			done <- err
		}
	}
}
