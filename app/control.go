package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock/clock"
)

// control serves what is drydock's own: /_drydock/, and the health and reset paths that suites written for other AWS
// stand-ins poll. Everything else goes to next.
func (c *Cloud) control(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_drydock/health", c.health)
	mux.HandleFunc("GET /_drydock/metrics", c.Gateway.ServeMetrics)
	mux.HandleFunc("GET /_drydock/clock", c.showClock)
	mux.HandleFunc("POST /_drydock/clock", c.moveClock)
	mux.HandleFunc("POST /_drydock/reset", c.reset)
	mux.HandleFunc("GET /_drydock/explain/{request}", c.Gateway.ServeExplain)
	mux.HandleFunc("GET /_drydock/ca", c.certificate)
	mux.HandleFunc("GET /_drydock/pprof/{profile}", c.profile)
	mux.HandleFunc("POST /_drydock/fault/{service}/{name}", c.injectFault)
	mux.HandleFunc("POST /_drydock/exec/{target...}", c.exec)
	mux.HandleFunc("GET /_localstack/health", c.localstackHealth)
	mux.HandleFunc("GET /_localstack/info", c.localstackInfo)
	mux.HandleFunc("GET /health", c.localstackHealth)
	mux.HandleFunc("POST /_localstack/state/reset", c.reset)
	mux.HandleFunc("POST /moto-api/reset", c.reset)
	mux.HandleFunc("/_drydock/", http.NotFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A signed request is always for the cloud: a bucket may be called "health".
		if len(r.URL.Path) < 2 || r.URL.Path[1] != '_' && r.URL.Path[1] != 'm' && r.URL.Path[1] != 'h' || r.Header.Get("Authorization") != "" {
			next.ServeHTTP(w, r)
			return
		}
		if _, pattern := mux.Handler(r); pattern != "" {
			if err := c.refusal(r, pattern); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			mux.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// healthy are the patterns that anybody may ask for.
var healthy = []string{"GET /_drydock/health", "GET /_localstack/health", "GET /health"}

// errControl is for those who may not control the cloud.
var errControl = errors.New("the cloud is controlled from its own machine only, and not by pages of other origins")

// refusal tells why a request to a control path is refused, if it is.
func (c *Cloud) refusal(r *http.Request, pattern string) error {
	if slices.Contains(healthy, pattern) {
		return nil
	}
	if !fromHere(r) || !sameOrigin(r) {
		return errControl
	}
	// Suites know other stand-ins by whatever name they gave them. Their paths tell no secret, and browsers say where a
	// POST comes from.
	if host := hostOf(r); strings.HasPrefix(r.URL.Path, "/_drydock/") && !c.knownAs(host) {
		return fmt.Errorf("the cloud is not known as %q: control it by localhost, by an address, or by the name that it listens on", host)
	}
	return nil
}

// ownDomains are those, with all names below them, that no stranger has: names of this machine and of private networks,
// names for tests, and the name that LocalStack's users are used to. "local" is none, which any neighbour may answer for.
var ownDomains = []string{"localhost", "internal", "test", "localhost.localstack.cloud"}

// knownAs tells whether the cloud may be controlled by a host name. A stranger's may resolve to this machine for a while;
// then his page, loaded by that name, is of the cloud's own origin, and what it reads comes with no header that tells.
func (c *Cloud) knownAs(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.Contains(c.names, host) || slices.ContainsFunc(ownDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// namesOf are the names that a cloud has besides those of ownDomains: the one that it listens on, and the machine's.
func namesOf(listen string) []string {
	var names []string
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		names = append(names, plainName(host))
	}
	if machine, err := os.Hostname(); err == nil && machine != "" {
		names = append(names, plainName(machine))
	}
	return names
}

// hostOf is the host that a request was sent to, without its port.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	return plainName(host)
}

// plainName is a host name as names are compared.
func plainName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// sameOrigin tells that no web page sent the request, or one that drydock served itself. Without it any page open in the
// user's browser could reset a cloud on loopback. Names of other hosts are no proof of that: whoever owns one can have it
// resolve to loopback.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	host := hostOf(r)
	near := loopback(host) || strings.HasSuffix(host, ".localhost")
	return near && (origin == "http://"+r.Host || origin == "https://"+r.Host)
}

// fromHere tells that the request comes from this machine. A cloud that listens for others must not let them reset it.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(host)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// A client that went away is the only way this fails.
	_ = json.NewEncoder(w).Encode(v)
}

func (c *Cloud) health(w http.ResponseWriter, _ *http.Request) {
	services := map[string]string{}
	for _, m := range c.Modules {
		services[m.API.Package] = "running"
	}
	writeJSON(w, map[string]any{"status": "running", "version": Version, "services": services})
}

func (c *Cloud) localstackHealth(w http.ResponseWriter, _ *http.Request) {
	services := map[string]string{}
	for _, m := range c.Modules {
		services[m.API.EndpointPrefix] = "available"
	}
	writeJSON(w, map[string]any{"services": services, "edition": "drydock", "version": Version})
}

func (c *Cloud) localstackInfo(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"version": Version, "edition": "drydock", "is_license_activated": false})
}

// clockRequest is the body of POST /_drydock/clock.
type clockRequest struct {
	// Action is stop, real, skip, scale or advance.
	Action string `json:"action"`
	// By is how far to advance, as a Go duration.
	By string `json:"by,omitempty"`
	// Factor is that of scale.
	Factor float64 `json:"factor,omitempty"`
}

func (c *Cloud) showClock(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, c.clock.State())
}

func (c *Cloud) moveClock(w http.ResponseWriter, r *http.Request) {
	var in clockRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		http.Error(w, "malformed clock request: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.setClock(r, in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.saveClock(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.showClock(w, r)
}

func (c *Cloud) setClock(r *http.Request, in clockRequest) error {
	switch in.Action {
	case "stop":
		c.clock.Stop()
	case "real":
		c.clock.Real()
	case "skip":
		c.clock.Skip()
	case "scale":
		return c.clock.Scale(in.Factor)
	case "advance":
		d, err := time.ParseDuration(in.By)
		if err != nil {
			return fmt.Errorf("advance by %s: not a duration", strconv.Quote(in.By))
		}
		watch := clock.StartStopwatch()
		if err := c.Tasks.Advance(r.Context(), d); err != nil {
			return err
		}
		c.log.Info("clock advanced", "by", d, "took", watch.Elapsed())
	default:
		return fmt.Errorf("unknown clock action %s", strconv.Quote(in.Action))
	}
	return nil
}

func (c *Cloud) certificate(w http.ResponseWriter, _ *http.Request) {
	pem, err := c.authority.CertificatePEM()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(pem)
}
