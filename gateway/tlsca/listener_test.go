package tlsca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"drydock/clock"
)

// serve runs Serve on a free port until the test ends and returns its address.
func serve(t *testing.T, ca *CA) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s %v %s", r.Proto, r.TLS != nil, body)
	})}
	ended := make(chan error, 1)
	go func() { ended <- Serve(server, listener, ca) }()
	t.Cleanup(func() {
		ctx, cancel := clock.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != http.ErrServerClosed { //nolint:errorlint // callers of http.Server compare
			t.Errorf("Serve returned %v", err)
		}
	})
	return listener.Addr().String()
}

func pool(t *testing.T, ca *CA) *x509.CertPool {
	t.Helper()
	authority, err := ca.CertificatePEM()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatal("no certificate")
	}
	return roots
}

func TestServe_SpeaksEveryProtocolOnOnePort(t *testing.T) {
	t.Parallel()
	ca := NewCA("")
	address := serve(t, ca)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	roots := pool(t, ca)
	for _, c := range []struct {
		name, url, want string
		configure       func(*http.Protocols)
	}{
		{"http1", "http://localhost", "HTTP/1.1 false", func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"h2c", "http://localhost", "HTTP/2.0 false", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
		{"https1", "https://sqs.eu-central-1.amazonaws.com", "HTTP/1.1 true", func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"h2", "https://bucket.s3.localhost", "HTTP/2.0 true", func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }},
		{"address", "https://127.0.0.1", "HTTP/2.0 true", func(p *http.Protocols) { p.SetHTTP2(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := &http.Transport{
				Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{RootCAs: roots},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, address)
				},
			}
			defer transport.CloseIdleConnections()
			c.configure(transport.Protocols)
			client := &http.Client{Transport: transport}
			for range 3 {
				large := strings.Repeat("x", 100_000)
				response, err := client.Post(c.url+":"+port, "text/plain", strings.NewReader(large))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if err := response.Body.Close(); err != nil {
					t.Fatal(err)
				}
				if string(body) != c.want+" "+large {
					t.Errorf("%.40q", body)
				}
			}
		})
	}
}

func TestServe_IsNotHeldUpBySilentClients(t *testing.T) {
	t.Parallel()
	address := serve(t, NewCA(""))
	for range 50 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // the server may have been first
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSplitter_CutsSilentClientsOff(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	splitter := Split(inner)
	splitter.timeout = 10 * time.Millisecond
	accepted := make(chan error, 1)
	go func() {
		_, err := splitter.Plain().Accept()
		accepted <- err
	}()
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection stayed open")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := splitter.Secure().Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v", err)
	}
	if err := splitter.Plain().Close(); err != nil {
		t.Error("the second close:", err)
	}
}

// failing is a listener that runs out of descriptors a few times.
type failing struct {
	net.Listener
	left int
}

type outOfDescriptors struct{ error }

func (outOfDescriptors) Temporary() bool { return true }

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, outOfDescriptors{errors.New("too many open files")}
	}
	return f.Listener.Accept()
}

func TestSplitter_SurvivesTemporaryFailures(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	splitter := Split(&failing{inner, 2})
	go func() {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err == nil {
			_, _ = conn.Write([]byte{recordHandshake, 1}) // the accepting side sees whether it arrived
		}
	}()
	conn, err := splitter.Secure().Accept()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	if _, err := io.ReadFull(conn, got); err != nil || got[0] != recordHandshake || got[1] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := errors.Join(conn.Close(), splitter.Plain().Close()); err != nil {
		t.Error(err)
	}
}
