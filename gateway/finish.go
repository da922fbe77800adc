package gateway

import (
	"net"
	"net/http"
	"strings"

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
	if !g.Log.Enabled(x.r.Context(), slog.LevelInfo) {
		return
	}
	g.Log.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("service", service), slog.String("operation", operation), slog.String("account", x.call.Account),
		slog.String("region", x.call.Region), slog.Int("status", x.status), slog.String("code", x.code),
		slog.Duration("duration", took), slog.String("request", x.call.RequestID))
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

// statusRecorder remembers the status a data plane answered.
type statusRecorder struct {
	http.ResponseWriter
	status int
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
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

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
