package app

import (
	"net/http"
	"net/http/pprof"
)

// profile answers with one of the Go runtime's profiles, for `go tool pprof`: "profile" is that of the processor over
// ?seconds=N, "trace" an execution trace, the others are those of runtime/pprof, such as "heap" and "goroutine". A cloud
// that others can reach (Strict) keeps them to itself: they tell what the process holds.
func (c *Cloud) profile(w http.ResponseWriter, r *http.Request) {
	if c.config.Strict {
		http.NotFound(w, r)
		return
	}
	switch name := r.PathValue("profile"); name {
	case "profile":
		pprof.Profile(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
}
