package tlsca

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"drydock/clock"
)

// SniffTimeout is how long a new connection may take to send its first byte.
const SniffTimeout = 10 * time.Second

// recordHandshake is the first byte of a TLS connection. No HTTP request, nor HTTP/2's preface, begins with it.
const recordHandshake = 0x16

// Splitter hands the connections of one listener to two: those that begin a TLS handshake, and the others. A client
// that connects and says nothing holds up nobody and is cut off after SniffTimeout.
type Splitter struct {
	inner         net.Listener
	timeout       time.Duration
	plain, secure half
	done          chan struct{}
	ctx           context.Context // ends with done, for pauses
	cancel        context.CancelFunc
	start         sync.Once

	mu       sync.Mutex // guards the fields below
	silent   map[net.Conn]struct{}
	err      error // why the splitter ended
	finished bool
}

// Split returns a splitter of inner, which begins to accept when one of its two listeners first does. Closing one of
// them closes everything.
func Split(inner net.Listener) *Splitter {
	s := &Splitter{inner: inner, timeout: SniffTimeout, done: make(chan struct{}), silent: make(map[net.Conn]struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.plain = half{s, make(chan net.Conn)}
	s.secure = half{s, make(chan net.Conn)}
	return s
}

// Plain returns the listener for connections without TLS.
func (s *Splitter) Plain() net.Listener { return &s.plain }

// Secure returns the listener for connections that begin a TLS handshake. They are not wrapped in a tls.Conn yet.
func (s *Splitter) Secure() net.Listener { return &s.secure }

// half is one of a splitter's listeners.
type half struct {
	splitter *Splitter
	conns    chan net.Conn
}

func (h *half) Accept() (net.Conn, error) {
	h.splitter.start.Do(func() { go h.splitter.accept() })
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.splitter.done:
		h.splitter.mu.Lock()
		defer h.splitter.mu.Unlock()
		return nil, h.splitter.err
	}
}

func (h *half) Close() error { return h.splitter.finish(net.ErrClosed) }

func (h *half) Addr() net.Addr { return h.splitter.inner.Addr() }

// accept feeds both halves until the inner listener fails for good.
func (s *Splitter) accept() {
	const longest = time.Second
	pause := 5 * time.Millisecond
	for {
		conn, err := s.inner.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			if s.track(conn) {
				go s.sniff(conn)
			}
			continue
		}
		// As net/http does: out of file descriptors is no reason to stop serving.
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() || clock.Pause(s.ctx, pause) != nil {
			_ = s.finish(err) // whoever accepts gets err
			return
		}
		pause = min(2*pause, longest)
	}
}

// track remembers a connection that has not spoken yet, or closes it if the splitter is closed.
func (s *Splitter) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		_ = conn.Close() // nobody is interested any more
		return false
	}
	s.silent[conn] = struct{}{}
	return true
}

// sniff waits for the first byte and passes the connection on.
func (s *Splitter) sniff(conn net.Conn) {
	var first [1]byte
	err := conn.SetReadDeadline(clock.Wall().Add(s.timeout))
	if err == nil {
		_, err = io.ReadFull(conn, first[:])
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	s.mu.Lock()
	delete(s.silent, conn)
	s.mu.Unlock()
	if err != nil {
		_ = conn.Close() // it said nothing, or is gone
		return
	}
	to := s.plain.conns
	if first[0] == recordHandshake {
		to = s.secure.conns
	}
	select {
	case to <- &spokenConn{Conn: conn, first: first[0], pending: true}:
	case <-s.done:
		_ = conn.Close()
	}
}

// finish closes everything; the first reason stays.
func (s *Splitter) finish(reason error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return nil
	}
	s.finished, s.err = true, reason
	close(s.done)
	s.cancel()
	for conn := range s.silent {
		_ = conn.Close() // wakes sniff
	}
	return s.inner.Close()
}

// spokenConn is a connection whose first byte has been read already.
type spokenConn struct {
	net.Conn
	first   byte
	pending bool // only one goroutine reads at a time, as with any net.Conn under HTTP or TLS
}

func (c *spokenConn) Read(p []byte) (int, error) {
	if c.pending && len(p) > 0 {
		c.pending = false
		p[0] = c.first
		return 1, nil
	}
	return c.Conn.Read(p)
}

// ReadFrom keeps sendfile available to net/http.
func (c *spokenConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite lets net/http end a connection so that the client still gets the answer.
func (c *spokenConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Serve serves HTTP/1.1, HTTP/2 and HTTP/2 without TLS on one listener, with and without TLS. It returns when the
// server is shut down (http.ErrServerClosed) or the listener fails. It sets the server's TLSConfig, Protocols and
// ReadHeaderTimeout where they are not set.
func Serve(server *http.Server, inner net.Listener, ca *CA) error {
	if server.TLSConfig == nil {
		server.TLSConfig = ca.TLSConfig()
	}
	if server.Protocols == nil {
		server.Protocols = new(http.Protocols)
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetHTTP2(true)
		server.Protocols.SetUnencryptedHTTP2(true)
	}
	if server.ReadHeaderTimeout == 0 {
		server.ReadHeaderTimeout = 30 * time.Second // also bounds the TLS handshake
	}
	splitter := Split(inner)
	secure := make(chan error, 1)
	go func() { secure <- server.ServeTLS(splitter.Secure(), "", "") }()
	err := server.Serve(splitter.Plain())
	_ = splitter.finish(err)
	// One half usually ends because the other did; that echo says nothing.
	if second := <-secure; !errors.Is(second, http.ErrServerClosed) && !errors.Is(second, net.ErrClosed) && !errors.Is(err, second) {
		return errors.Join(err, second)
	}
	return err
}
