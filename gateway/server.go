package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"drydock/aws"
	"drydock/clock"
)

// stopGrace is how long a stop waits for requests under way.
const stopGrace = 10 * time.Second

// trustedLength is up to what announced length memory is set aside before a body is there.
const trustedLength = 64 << 10

// readAll reads a body of at most limit bytes.
func readAll(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if n := r.ContentLength; n >= 0 && n <= trustedLength {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(limit)
	}
	return body, nil
}

func tooLarge(limit int64) error {
	return aws.NewError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request body must not be larger than %d bytes.", limit)
}

// NewServer returns an HTTP server with the limits and time-outs of the cloud's port: HTTP/1.1 and HTTP/2, with TLS and
// without.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		Protocols: protocols, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// Stop ends a server gracefully: it takes no new requests and gives those under way a moment to finish.
func Stop(s *http.Server) error {
	ctx, cancel := clock.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		if closeErr := s.Close(); closeErr != nil {
			return fmt.Errorf("close server: %w", closeErr)
		}
	}
	return nil
}

// Listen opens the cloud's port.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}
