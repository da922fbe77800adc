package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"drydock/aws"
	"drydock/policy"
)

// trailSize is how many decisions can be explained, the latest ones.
const trailSize = 4096

// trail remembers the latest decisions. It keeps the policies as they were and evaluates them again only when someone
// asks, so that remembering costs next to nothing. Decisions that needed no policy are not remembered.
type trail struct {
	mu      sync.Mutex // guards the fields below
	entries [trailSize]*decided
	next    int
}

// decided is one decision with all that led to it: the context and the keys are what the request points to.
type decided struct {
	at       time.Time
	call     *aws.Call
	request  policy.Request
	context  policy.Context
	keys     requestKeys
	decision policy.Decision
}

func newTrail() *trail { return &trail{} }

func (t *trail) record(entry *decided) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[t.next] = entry
	t.next = (t.next + 1) % trailSize
}

// find returns the decisions of a request in their order.
func (t *trail) find(id string) []*decided {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []*decided
	for i := range trailSize {
		if e := t.entries[(t.next+i)%trailSize]; e != nil && e.call.RequestID == id {
			found = append(found, e)
		}
	}
	return found
}

// ServeExplain answers GET /_drydock/explain/{request} with every statement considered.
func (g *Gateway) ServeExplain(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("request")
	found := g.trail.find(id)
	if len(found) == 0 {
		http.Error(w, fmt.Sprintf("no decision is known for request %q: either it is not one of the last %d, or no policy had to be asked "+
			"(the root user of the resource's account)", id, trailSize), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, e := range found {
		e.explain(w)
	}
}

func (e *decided) explain(w io.Writer) {
	request := e.request
	request.Explain = true
	d := policy.Evaluate(&request)
	outcome := "ALLOWED"
	if !d.Allowed {
		outcome = "DENIED"
	}
	fmt.Fprintf(w, "%s  %s on %s\n", outcome, request.Action, request.Resource)
	fmt.Fprintf(w, "  request    %s at %s\n", e.call.RequestID, e.at.Format(time.RFC3339))
	caller := "anonymous"
	if request.Principal != nil && request.Principal.ARN != "" {
		caller = request.Principal.ARN
	}
	fmt.Fprintf(w, "  principal  %s\n", caller)
	fmt.Fprintf(w, "  because    %s", d.Reason)
	if d.Type != "" {
		fmt.Fprintf(w, " (%s)", d.Type)
	}
	fmt.Fprintln(w)
	if len(d.Considered) == 0 {
		fmt.Fprintln(w, "  no statement of any policy applies to this caller and resource")
	}
	for _, c := range d.Considered {
		mark := " "
		if c.Matched {
			mark = "*"
		}
		name := c.Statement.Sid
		if name == "" {
			name = fmt.Sprintf("statement %d", c.Index)
		}
		fmt.Fprintf(w, "  %s %-5s %s: %s, %s: %s\n", mark, c.Statement.Effect, c.Type, c.Source, name, c.Why)
	}
	if !d.Allowed {
		fmt.Fprintf(w, "  message    %s\n", policy.Denial(d, &request))
	}
}

// ServeMetrics answers with the request metrics in Prometheus' text format.
func (g *Gateway) ServeMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	g.metrics.write(w)
}
