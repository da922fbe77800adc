package git

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// serveStreams lets git clients connect to the fixture's repository through a pipe: it returns the command for
// core.sshCommand. The command connects to a socket and passes on what goes in and out; the first line names the service.
func (f *fixture) serveStreams(authorize func([]RefUpdate) error) string {
	f.Helper()
	dir := f.TempDir()
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		f.Fatal(err)
	}
	var serving sync.WaitGroup
	f.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				f.serveStream(conn, authorize)
			})
		}
	})
	script := filepath.Join(dir, "connect")
	text := fmt.Sprintf(`#!/usr/bin/env python3
import os, socket, sys, threading
s = socket.socket(socket.AF_UNIX)
s.connect(%q)
s.sendall((sys.argv[-1].split()[0] + " " + os.environ.get("GIT_PROTOCOL", "-") + "\n").encode())
def send():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
`, socket)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		f.Fatal(err)
	}
	return script
}

func (f *fixture) serveStream(conn io.ReadWriter, authorize func([]RefUpdate) error) {
	var line []byte
	for b := make([]byte, 1); ; line = append(line, b[0]) {
		if _, err := conn.Read(b); err != nil {
			return
		}
		if b[0] == '\n' {
			break
		}
	}
	service, protocol, _ := strings.Cut(string(line), " ")
	err := f.repo.ServeStream(f.Context(), Service(service), Stream{In: conn, Out: conn, Protocol: strings.TrimPrefix(protocol, "-")}, authorize,
		func(updates []RefUpdate) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.committed = append(f.committed, updates...)
		})
	if err != nil {
		f.Errorf("%s: %v", service, err)
	}
}

func TestServeStream_ServesStockClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	command := f.serveStreams(func(updates []RefUpdate) error {
		for _, u := range updates {
			if u.Ref == "refs/heads/protected" {
				return errors.New("protected")
			}
		}
		return nil
	})
	for _, version := range []string{"0", "2"} {
		dir := f.TempDir()
		settings := []string{"-c", "core.sshCommand=" + command, "-c", "protocol.version=" + version, "-c", "ssh.variant=ssh"}
		git := func(dir string, args ...string) string { return f.git(dir, append(slices.Clip(settings), args...)...) }
		git(dir, "clone", "-q", "ssh://host/r", "w")
		work := filepath.Join(dir, "w")
		tip := f.commit(work, "v"+version, "x")
		git(work, "push", "-q", "origin", "HEAD:main", "HEAD:topic")
		if ref, err := f.repo.Branch(t.Context(), "topic"); err != nil || ref.ID != tip {
			t.Errorf("version %s: topic is at %s, %v", version, ref.ID, err)
		}
		git(work, "push", "-q", "origin", ":topic")
		git(work, "push", "-q", "origin", "main")
		git(work, "fetch", "-q", "origin")
		if got := git(work, "ls-remote", "--heads", "origin"); got != string(tip)+"\trefs/heads/main" {
			t.Errorf("version %s: %s", version, got)
		}
		out, ok := f.tryGit(work, append(slices.Clip(settings), "push", "origin", "HEAD:protected")...)
		if ok || !strings.Contains(out, "remote rejected") || !strings.Contains(out, "(protected)") {
			t.Errorf("version %s: push to a protected branch: %s", version, out)
		}
	}
	if len(f.took()) < 5 {
		t.Errorf("committed %v", f.took())
	}
}
