package sshd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"drydock/aws"
	"drydock/clock"
	"drydock/gateway/sshd"
	"drydock/policy"
)

// half is one direction of a connection in memory.
type half struct {
	mu       sync.Mutex // guards the fields below
	changed  *sync.Cond
	data     bytes.Buffer
	closed   bool
	deadline time.Time
	forget   context.CancelFunc // ends the wait for the deadline
}

func newHalf() *half {
	h := &half{forget: func() {}}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *half) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		late := !h.deadline.IsZero() && !clock.Wall().Before(h.deadline)
		switch {
		case late:
			return 0, os.ErrDeadlineExceeded
		case h.data.Len() > 0:
			return h.data.Read(p)
		case h.closed:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, net.ErrClosed
	}
	h.changed.Broadcast()
	return h.data.Write(p)
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.changed.Broadcast()
}

func (h *half) until(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget()
	h.deadline = t
	h.changed.Broadcast()
	if !t.IsZero() {
		var ctx context.Context
		ctx, h.forget = clock.WithTimeout(context.Background(), t.Sub(clock.Wall()))
		context.AfterFunc(ctx, h.changed.Broadcast)
	}
}

// pipe is one end of a connection in memory. Its writes never wait.
type pipe struct {
	in, out *half
	remote  net.Addr
}

func (p *pipe) Read(b []byte) (int, error)        { return p.in.Read(b) }
func (p *pipe) Write(b []byte) (int, error)       { return p.out.Write(b) }
func (p *pipe) Close() error                      { p.in.close(); p.out.close(); return nil }
func (p *pipe) LocalAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22} }
func (p *pipe) RemoteAddr() net.Addr              { return p.remote }
func (p *pipe) SetDeadline(t time.Time) error     { return p.SetReadDeadline(t) }
func (p *pipe) SetReadDeadline(t time.Time) error { p.in.until(t); return nil }
func (p *pipe) SetWriteDeadline(time.Time) error  { return nil }

// port is a listener in memory.
type port struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *port) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *port) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *port) Addr() net.Addr { return &net.TCPAddr{} }

// connect opens a connection that comes from an address.
func (p *port) connect(from string) net.Conn {
	a, b := newHalf(), newHalf()
	p.conns <- &pipe{in: a, out: b, remote: &net.TCPAddr{IP: net.ParseIP(from), Port: 1234}}
	synctest.Wait()
	return &pipe{in: b, out: a, remote: &net.TCPAddr{}}
}

// pass lets time go by in the bubble.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := clock.Pause(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// bubble is a front within a bubble of time of its own.
type bubble struct {
	*port
	key   ssh.Signer
	asked *int // how often the identity was asked for
}

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// counted counts the questions.
type counted struct {
	keys
	asked *int
}

func (c counted) SSHKey(ctx context.Context, id string) (policy.SSHKey, error) {
	*c.asked++
	return c.keys.SSHKey(ctx, id)
}

// inBubble runs a test with a front whose command waits for the end of its input.
func inBubble(t *testing.T, test func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{port: &port{conns: make(chan net.Conn), closed: make(chan struct{})}, key: newSigner(t), asked: new(int)}
		server := sshd.New(sshd.Config{
			Identity: counted{keys{"APKA1": {Blob: b.key.PublicKey().Marshal(), Principal: aws.Principal{Name: "ann"}}}, b.asked},
			NewCall:  func(ctx context.Context, p aws.Principal) *aws.Call { return &aws.Call{Context: ctx, Principal: p} },
			Serve: func(_ *aws.Call, s *sshd.Session) int {
				_, _ = io.Copy(s.Out, s.In)
				return 0
			},
			Log: slog.New(slog.DiscardHandler),
		})
		host, err := sshd.HostKey(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve(b.port, host) }()
		test(t, b)
		server.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// login connects as the user, with some keys.
func (b *bubble) login(from string, signers ...ssh.Signer) (*ssh.Client, error) {
	config := &ssh.ClientConfig{User: "APKA1", Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	conn := b.connect(from)
	c, channels, requests, err := ssh.NewClientConn(conn, "front", config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// open tells whether a connection on which nothing was said is open: the server greets.
func open(c net.Conn) bool {
	p := c.(*pipe)
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	return !p.in.closed
}

func TestServer_BoundsUnknownClients(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bubble) {
		count := func(from func(i int) string, n int) (admitted []net.Conn) {
			for i := range n {
				if c := b.connect(from(i)); open(c) {
					admitted = append(admitted, c)
				}
			}
			return admitted
		}
		one := count(func(int) string { return "198.51.100.1" }, 40)
		network := count(func(i int) string { return fmt.Sprintf("2001:db8:0:1::%x", i+1) }, 40)
		mapped := count(func(int) string { return "::ffff:198.51.100.1" }, 5)
		if len(one) != 32 || len(network) != 32 || len(mapped) != 0 {
			t.Errorf("%d of one address, %d of one network and %d more of the first are waited for, want 32, 32 and none", len(one), len(network), len(mapped))
		}
		if client, err := b.login("198.51.100.1", b.key); err == nil {
			t.Error("the address of many unknown clients is admitted")
			_ = client.Close()
		}
		others := count(func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }, 100)
		if len(others) != 128-64 {
			t.Errorf("%d others are waited for, want 64", len(others))
		}
		// One that goes makes room for one.
		_ = one[0].Close()
		synctest.Wait()
		client, err := b.login("198.51.100.1", b.key)
		if err != nil {
			t.Fatal(err)
		}
		// And so does one that is known.
		again, err := b.login("198.51.100.1", b.key)
		if err != nil {
			t.Fatal(err)
		}
		// Those who say nothing are not waited for long.
		pass(t, 31*time.Second)
		for _, c := range append(append(one, network...), others...) {
			if open(c) {
				t.Fatal("a silent client is still connected")
			}
		}
		for _, c := range []*ssh.Client{client, again} {
			if _, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				t.Errorf("a known client: %v", err)
			}
			_ = c.Close()
		}
		if left := count(func(int) string { return "198.51.100.1" }, 40); len(left) != 32 {
			t.Errorf("then %d of one address are waited for, want 32", len(left))
		}
	})
}

func TestServer_EndsHandshakesThatTakeTooLong(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bubble) {
		conn := b.connect("198.51.100.1")
		// A byte now and then does not put the end off.
		for range 29 {
			if _, err := conn.Write([]byte("S")); err != nil {
				t.Fatal(err)
			}
			pass(t, time.Second)
		}
		if !open(conn) {
			t.Error("the client is given less than 30 seconds")
		}
		pass(t, 2*time.Second)
		if open(conn) {
			t.Error("the client is given more than 30 seconds")
		}
	})
}

func TestServer_BoundsTheKeysThatAreTried(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bubble) {
		var wrong []ssh.Signer
		for range 6 {
			wrong = append(wrong, newSigner(t))
		}
		client, err := b.login("198.51.100.1", append(wrong[:5:5], b.key)...)
		if err != nil {
			t.Fatalf("the sixth key is not tried: %v", err)
		}
		_ = client.Close()
		*b.asked = 0
		if client, err := b.login("198.51.100.1", append(wrong, b.key)...); err == nil {
			t.Error("a seventh key is tried")
			_ = client.Close()
		}
		if *b.asked != 6 {
			t.Errorf("%d keys were looked at, want 6", *b.asked)
		}
	})
}

func TestServer_EndsIdleConnections(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bubble) {
		client, err := b.login("198.51.100.1", b.key)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = client.Wait()
		}()
		alive := func(what string, after time.Duration) {
			t.Helper()
			pass(t, after)
			select {
			case <-ended:
				t.Fatalf("the connection ended %s", what)
			default:
			}
		}
		alive("before the limit", 119*time.Second)
		var inputs []io.WriteCloser
		var sessions []*ssh.Session
		for range 2 {
			session, err := client.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			in, err := session.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Start("wait"); err != nil {
				t.Fatal(err)
			}
			inputs, sessions = append(inputs, in), append(sessions, session)
		}
		alive("while commands run", time.Hour)
		if err := errors.Join(inputs[0].Close(), sessions[0].Wait()); err != nil {
			t.Fatal(err)
		}
		alive("while one of them runs", time.Hour)
		if err := errors.Join(inputs[1].Close(), sessions[1].Wait()); err != nil {
			t.Fatal(err)
		}
		// A session without a command is no use, and neither are signs of life.
		if _, err := client.NewSession(); err != nil {
			t.Fatal(err)
		}
		alive("just after the last command", 119*time.Second)
		if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			t.Error(err)
		}
		pass(t, 2*time.Second)
		select {
		case <-ended:
		default:
			t.Error("an idle client is still connected")
		}
		_ = client.Close()
	})
}
