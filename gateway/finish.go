package gateway

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"log/slog"

	"drydock/aws"
)

// finished writes the access line and counts the request.
func (g *Gateway) finished(x *exchange) {
	took := x.watch.Elapsed()
	service, operation := "", x.match.Asked
	if x.match.Operation != nil {
		operation = x.match.Operation.Name
	}
	switch {
	case x.match.API != nil:
		service = x.match.API.Package
	case x.plane != nil:
		service, operation = x.plane.SigningName, x.r.Method
	}
	counted := operation
	if x.match.Operation == nil && x.plane == nil { // what clients make up must not make a series each
		counted = "unknown"
	}
	g.metrics.observe(service, counted, x.status, took)
	g.accessed(x, took)
	if !g.Log.Enabled(x.r.Context(), slog.LevelInfo) {
		return
	}
	g.Log.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("service", service), slog.String("operation", operation), slog.String("account", x.call.Account),
		slog.String("region", x.call.Region), slog.Int("status", x.status), slog.String("code", x.code),
		slog.Duration("duration", took), slog.String("request", x.call.RequestID))
}

// accessed tells who keeps access logs how the request was answered.
func (g *Gateway) accessed(x *exchange, took time.Duration) {
	if !x.logged {
		return
	}
	a := &aws.Access{Status: x.answer.status, Code: x.code, Sent: x.answer.sent, Took: took, Turnaround: x.turn}
	if x.r.TLS != nil {
		a.TLS, a.Cipher = tls.VersionName(x.r.TLS.Version), tls.CipherSuiteName(x.r.TLS.CipherSuite)
	}
	if a.Bucket = x.match.Bucket; a.Bucket == "" {
		a.Bucket, a.Key, _ = strings.Cut(strings.TrimPrefix(x.r.URL.Path, "/"), "/")
	} else {
		a.Key = strings.TrimPrefix(x.r.URL.Path, "/")
	}
	g.Accessed[x.match.API](x.call, x.r, x.in, x.out, a)
}

// refusePlane answers an error on a data plane, and asks for credentials where they are what is missing.
func refusePlane(x *exchange, e *aws.Error) {
	if x.plane.Realm != "" && (e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized) && x.r.Header.Get("Authorization") == "" {
		x.w.Header().Set("WWW-Authenticate", `Basic realm="`+x.plane.Realm+`"`)
		x.status = http.StatusUnauthorized
	}
	x.w.Header().Set("X-Amzn-RequestId", x.call.RequestID)
	x.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write([]byte(e.Message + "\n"))
}

// statusRecorder remembers the status that was answered and counts the bytes.
type statusRecorder struct {
	http.ResponseWriter
	status int
	sent   int64
}

// WriteHeader remembers the status.
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implies status 200.
func (s *statusRecorder) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	n, err := s.ResponseWriter.Write(b)
	s.sent += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// payer tells who pays for a request to S3: a header, or a parameter of a presigned URL.
func payer(r *http.Request) string {
	const name = "X-Amz-Request-Payer"
	if v := r.Header[name]; len(v) > 0 {
		return v[0]
	}
	if !strings.Contains(r.URL.RawQuery, "request-payer") {
		return ""
	}
	query := r.URL.Query()
	if v := query.Get("x-amz-request-payer"); v != "" {
		return v
	}
	return query.Get(name)
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func isForm(contentType string) bool {
	return strings.HasPrefix(contentType, "application/x-www-form-urlencoded")
}
