package execstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"drydock/clock"
	"drydock/machine"
	"drydock/machine/process"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}

func newMachine(t *testing.T) *machine.Machine {
	t.Helper()
	driver, err := process.New()
	if err != nil {
		t.Fatal(err)
	}
	host, err := machine.Open(t.TempDir(), driver, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	m, err := host.Create(t.Context(), machine.Spec{ID: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// serve serves one connection and returns the client's end; served gets what Serve returned.
func serve(t *testing.T, m *machine.Machine) (client net.Conn, served chan error) {
	t.Helper()
	client, server := net.Pipe()
	served = make(chan error, 1)
	go func() {
		err := Serve(t.Context(), server, m.Spawn, machine.Command{Env: []string{"FROM=base"}, Dir: "/tmp"})
		_ = server.Close()
		served <- err
	}()
	t.Cleanup(func() { _ = client.Close() })
	return client, served
}

func TestServe_RunsACommand(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	large := strings.Repeat("0123456789abcdef", 1<<18)
	for name, test := range map[string]struct {
		request  Request
		in       string
		exit     Exit
		out, err string
	}{
		"streams":       {Request{Args: []string{"sh", "-c", "cat; echo oops >&2; exit 7"}}, "hello", Exit{Code: 7}, "hello", "oops\n"},
		"no input":      {Request{Args: []string{"cat"}}, "", Exit{}, "", ""},
		"much input":    {Request{Args: []string{"cat"}}, large, Exit{}, large, ""},
		"unread input":  {Request{Args: []string{"true"}}, large, Exit{}, "", ""},
		"environment":   {Request{Args: []string{"sh", "-c", "echo $FROM $OWN; basename $PWD"}, Env: []string{"OWN=own"}}, "", Exit{}, "base own\ntmp\n", ""},
		"signal":        {Request{Args: []string{"sh", "-c", "kill -9 $$"}}, "", Exit{Code: 137}, "", ""},
		"not there":     {Request{Args: []string{"nosuch"}}, "", Exit{Code: 126, Error: "run nosuch in machine m: nosuch: file does not exist"}, "", ""},
		"no program":    {Request{}, "", Exit{Code: 126, Error: "run in machine m: no program named: invalid"}, "", ""},
		"bad variables": {Request{Args: []string{"true"}, Env: []string{"x"}}, "", Exit{Code: 126, Error: `run in machine m: environment entry "x" is not NAME=value: invalid`}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, served := serve(t, m)
			var out, errs bytes.Buffer
			exit, err := Run(t.Context(), conn, test.request, Streams{In: strings.NewReader(test.in), Out: &out, Err: &errs})
			if err != nil || exit != test.exit || out.String() != test.out || errs.String() != test.err {
				t.Errorf("%+v, %v, output of %d bytes %.40q, errors %q", exit, err, out.Len(), out.String(), errs.String())
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// notify calls itself once with what is written first.
type notify struct {
	once  sync.Once
	first func()
}

// Write takes note.
func (n *notify) Write(p []byte) (int, error) {
	n.once.Do(n.first)
	return len(p), nil
}

// endless input never ends.
type endless struct{}

// Read gives more.
func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestRun_ClientGoesAway shows that a command ends with its client, even where it does not read what the client sent.
func TestRun_ClientGoesAway(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	conn, served := serve(t, m)
	because := errors.New("because")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &notify{first: func() { cancel(because) }}
	script := "echo $$ >" + m.Path("/tmp/pid") + "; echo ready; while :; do sleep 1000; done"
	if _, err := Run(ctx, conn, Request{Args: []string{"sh", "-c", script}}, Streams{In: endless{}, Out: out, Err: io.Discard}); !errors.Is(err, because) {
		t.Errorf("Run: %v", err)
	}
	if err := <-served; !errors.Is(err, errGone) {
		t.Errorf("Serve: %v", err)
	}
	exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", "kill -0 $(cat " + m.Path("/tmp/pid") + ")"}})
	if err != nil || exit.Code == 0 {
		t.Errorf("the command lives: %v, %v", exit, err)
	}
}

func TestRun_MachineEnds(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	conn, served := serve(t, m)
	out := &notify{first: func() {
		go func() { _ = m.Stop(context.WithoutCancel(t.Context())) }()
	}}
	exit, err := Run(t.Context(), conn, Request{Args: []string{"sh", "-c", "echo ready; sleep 1000"}}, Streams{In: strings.NewReader(""), Out: out, Err: io.Discard})
	if err != nil || exit != (Exit{Code: 137, Error: "the machine has ended"}) {
		t.Errorf("%+v, %v", exit, err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestRun_ConnectionIsLost shows that half an answer is not taken for the command's end.
func TestRun_ConnectionIsLost(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	go func() {
		_, _, _ = receive(server)
		_, _ = server.Write([]byte{frameExit, 0, 0, 0, 10, '{'})
		_ = server.Close()
	}()
	if exit, err := Run(t.Context(), client, Request{Args: []string{"true"}}, Streams{In: blocked{t}, Out: io.Discard, Err: io.Discard}); err == nil {
		t.Errorf("ended as %+v", exit)
	}
}

// blocked is a keyboard that nobody touches.
type blocked struct{ t *testing.T }

// Read waits for the end of the test.
func (b blocked) Read([]byte) (int, error) {
	<-b.t.Context().Done()
	return 0, io.EOF
}

// TestServe_RefusesWhatIsNoClient ends the commands of clients that do not keep to the protocol.
func TestServe_RefusesWhatIsNoClient(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	frame := func(kind byte, text string) []byte {
		var b bytes.Buffer
		if err := (&writer{to: &b}).send(kind, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	sleep := frame(frameRequest, `{"args":["sleep","1000"]}`)
	for name, sent := range map[string][]byte{
		"another kind first":   frame(frameInput, "x"),
		"no JSON":              frame(frameRequest, "x"),
		"too long":             {frameRequest, 1, 0, 0, 0},
		"unknown kind":         append(bytes.Clone(sleep), frame('?', "")...),
		"input not asked for":  append(bytes.Clone(sleep), bytes.Repeat(frame(frameInput, strings.Repeat("x", pieceSize)), 9)...),
		"input after its end":  append(bytes.Clone(sleep), append(frame(frameEnd, ""), frame(frameInput, "x")...)...),
		"malformed size":       append(bytes.Clone(sleep), frame(frameResize, "x")...),
		"end within a request": sleep[:9],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, served := serve(t, m)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, _ = conn.Write(sent) // the other end may be closed before it has all
			if name == "end within a request" {
				_ = conn.Close()
			}
			ctx, cancel := clock.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			select {
			case err := <-served:
				if answered := name == "another kind first" || name == "no JSON"; answered != (err == nil) {
					t.Errorf("Serve: %v", err)
				}
			case <-ctx.Done():
				t.Error("the command goes on")
			}
		})
	}
}

func TestRun_Terminal(t *testing.T) {
	t.Parallel()
	conn, served := serve(t, newMachine(t))
	sizes := make(chan machine.Terminal)
	keys, typed := io.Pipe()
	shown, out := io.Pipe()
	go func() {
		text := ""
		for piece := make([]byte, 100); ; {
			n, err := shown.Read(piece)
			if err != nil {
				return
			}
			text += string(piece[:n])
			switch {
			case strings.HasSuffix(text, "31 101\r\n"):
				sizes <- machine.Terminal{Rows: 40, Cols: 120}
				_, _ = typed.Write([]byte("next\n"))
				text = ""
			case strings.HasSuffix(text, "40 120\r\nxterm-test\r\n"):
				_, _ = typed.Write([]byte("done\n"))
				text = ""
			}
		}
	}()
	// The size may arrive after the key, so the command waits for it.
	script := "stty size; read x; while test \"$(stty size)\" = '31 101'; do sleep 0.01; done; stty size; echo $TERM; read x; test $x = done && exit 5"
	request := Request{Args: []string{"sh", "-c", script}, Env: []string{"TERM=xterm-test"}, Terminal: &machine.Terminal{Rows: 31, Cols: 101}}
	exit, err := Run(t.Context(), conn, request, Streams{In: keys, Out: out, Err: io.Discard, Sizes: sizes})
	if runtime.GOOS != "linux" {
		if !strings.HasSuffix(exit.Error, machine.ErrUnsupported.Error()) {
			t.Errorf("%+v, %v", exit, err)
		}
	} else if err != nil || exit != (Exit{Code: 5}) {
		t.Errorf("%+v, %v", exit, err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	_ = out.Close()
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{frameInput, 0, 0, 0, 1, 'x'})
	f.Add([]byte{frameInput, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, sent []byte) {
		kind, data, err := receive(bytes.NewReader(sent))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := (&writer{to: &again}).send(kind, data); err != nil || !bytes.HasPrefix(sent, again.Bytes()) {
			t.Errorf("%x is sent again as %x, %v", sent, again.Bytes(), err)
		}
	})
}
