// Package gateway turns HTTP requests into operations and their results into responses. The request chain is the list in
// this file. It sees services only as handlers, and knows nothing of what they do.
package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"drydock/aws"
	"drydock/clock"
	"drydock/gateway/route"
	"drydock/gateway/sigv4"
	"drydock/policy"
	"drydock/wire"
	"drydock/wire/shape"
)

// Limits of requests.
const (
	// MaxBody is the largest body of an operation that does not stream.
	MaxBody = 16 << 20
	// maxHeaderBytes bounds the request line and the headers together.
	maxHeaderBytes = 64 << 10
	headerTimeout  = 30 * time.Second
	idleTimeout    = 2 * time.Minute
)

// Config is what a gateway works with.
type Config struct {
	// APIs lists every API that is known, Handlers what is carried out of them.
	APIs     []*aws.API
	Handlers []aws.Handler
	// DataPlanes answer parts of the URL space by themselves.
	DataPlanes []DataPlane
	// CORS tells what headers let a page of an origin call a bucket: see service.Module. Nil allows none.
	CORS func(call *aws.Call, bucket, origin, method string, headers []string) (map[string]string, error)
	// Accessed is told, by API, of each request once it is answered: see service.Module.
	Accessed AccessLogs
	// Facts tells, by service name in an ARN, what policies must know of a resource. The names of the check's keys are in
	// lower case.
	Facts map[string]func(call *aws.Call, check aws.Check) (policy.Facts, error)
	// Identity knows access keys and policies; nil refuses every key but those of local convenience.
	Identity policy.Identity
	// Sessions opens temporary credentials.
	Sessions Sessions
	Clock    *clock.Clock
	Random   io.Reader
	Log      *slog.Logger
	// Strict refuses access keys that were not issued here. Otherwise an unknown key is the root of an account: the one
	// it names when it is an account id, else DefaultAccount.
	Strict                        bool
	DefaultAccount, DefaultRegion string
	// Begin reports a request under way, for the clock's skip mode; nil does nothing.
	Begin func() (done func())
}

// AccessLogs are those that are told of answered requests, by the API.
type AccessLogs map[*aws.API]func(call *aws.Call, r *http.Request, in, out any, a *aws.Access)

// Sessions opens session tokens: see package session.
type Sessions interface {
	Open(accessKeyID, token string, now time.Time) (aws.Principal, error)
	Secret(accessKeyID string) string
}

// DataPlane is a part of the URL space that is not an API: see service.DataPlane.
type DataPlane struct {
	Prefix, Host, Realm string
	Hosts               func(host string) bool
	// SigningName is the service that owns it.
	SigningName string
	Serve       func(call *aws.Call, w http.ResponseWriter, r *http.Request)
}

// Gateway is the front of the cloud. It is safe for concurrent use.
type Gateway struct {
	Config
	routes   *route.Table
	handlers map[*aws.Operation]aws.Handler
	verifier *sigv4.Verifier
	trail    *trail
	metrics  *metrics
}

// New returns the gateway of a configuration.
func New(c Config) *Gateway {
	g := &Gateway{
		Config: c, routes: route.New(c.APIs, "s3"),
		handlers: make(map[*aws.Operation]aws.Handler, len(c.Handlers)), trail: newTrail(), metrics: newMetrics(),
	}
	for _, h := range c.Handlers {
		g.handlers[h.Operation] = h
	}
	g.verifier = g.newVerifier()
	if g.Begin == nil {
		g.Begin = func() func() { return func() {} }
	}
	return g
}

// chain is what happens to a request, in order. The first error ends it; what comes of it is encoded by respond.
var chain = []struct {
	name string
	step func(*Gateway, *exchange) error
}{
	{"route", (*Gateway).route},
	{"authenticate", (*Gateway).authenticate},
	{"decode", (*Gateway).decode},
	{"authorize", (*Gateway).authorizeExchange},
	{"dispatch", (*Gateway).dispatch},
}

// exchange is one request on its way through the chain.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	watch  clock.Stopwatch
	call   *aws.Call
	scope  sigv4.Scope
	match  route.Match
	plane  *DataPlane
	codec  wire.Codec
	in     any
	out    any
	status int
	code   string
	// answer counts what is answered where an access log, which logged tells of, may want to know.
	answer statusRecorder
	logged bool
	turn   time.Duration
	// request and reply are what the codec is given.
	request wire.Request
	reply   wire.Reply
}

// ServeHTTP carries out one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer g.Begin()()
	goOn(w, r)
	x := &exchange{w: w, r: r, watch: clock.StartStopwatch()}
	x.call = &aws.Call{
		Context: r.Context(), Cloud: g, Partition: aws.PartitionOf(g.DefaultRegion), Account: g.DefaultAccount,
		Region: g.DefaultRegion, RequestID: aws.NewUUID(g.Config.Random),
		Request: aws.RequestInfo{Host: r.Host, SourceIP: sourceIP(r), UserAgent: r.UserAgent(), Secure: r.TLS != nil, Payer: payer(r)},
	}
	defer g.recovered(x)
	var err error
	for _, link := range chain {
		if err = link.step(g, x); err != nil {
			break
		}
	}
	g.respond(x, err)
	g.finished(x)
}

// goOn answers a client that asks whether it may send its body, where the body is empty: AWS does, net/http takes it for
// needless, and botocore, which asks before it sends a file of any length, reads the next answer on the connection wrongly
// without. Where there is a body, net/http answers when it is read.
func goOn(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.ContentLength == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		w.WriteHeader(http.StatusContinue)
	}
}

// route finds the data plane or the operation.
func (g *Gateway) route(x *exchange) error {
	_, x.scope, _ = sigv4.PeekScope(x.r)
	if x.plane = g.plane(x.r); x.plane != nil {
		return nil
	}
	var form []byte
	if x.r.Method == http.MethodPost && isForm(x.r.Header.Get("Content-Type")) {
		body, err := readAll(x.r, MaxBody)
		if err != nil {
			return err
		}
		form = body
		x.r.Body = sigv4.Held(body, x.r.Body)
	}
	match, ok := g.routes.Find(x.r, x.scope.Service, form)
	if !ok {
		return aws.NewError(http.StatusNotFound, "UnknownServiceException", "no service of drydock answers this request")
	}
	x.match = match
	if g.Accessed[match.API] != nil {
		x.answer.ResponseWriter, x.logged = x.w, true
		x.w = &x.answer
	}
	x.codec = wire.For(match.Protocol)
	x.call.Operation = match.Operation
	if x.plane = g.postObject(x.r, match); x.plane == nil {
		x.plane = g.preflight(x.r, match)
	}
	g.allowOrigin(x)
	if x.plane != nil {
		return nil
	}
	if match.Operation == nil {
		return unknownOperation(match)
	}
	return nil
}

func (g *Gateway) plane(r *http.Request) *DataPlane {
	for i := range g.DataPlanes {
		p := &g.DataPlanes[i]
		if strings.HasPrefix(r.URL.Path, p.Prefix) && (p.Host == "" || strings.HasPrefix(r.Host, p.Host+".")) && (p.Hosts == nil || p.Hosts(r.Host)) {
			return p
		}
	}
	return nil
}

// unknownOperation is what AWS answers to an operation that the service's model does not have.
func unknownOperation(m route.Match) error {
	switch m.Protocol {
	case aws.ProtocolQuery:
		if m.Asked == "" {
			return aws.NewError(http.StatusBadRequest, "MissingAction", "Missing Action")
		}
		return aws.NewError(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", m.Asked, m.API.Version)
	case aws.ProtocolEC2:
		return aws.NewError(http.StatusBadRequest, "InvalidAction", "The action %s is not valid for this web service.", m.Asked)
	case aws.ProtocolRESTXML:
		return aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case aws.ProtocolRESTJSON:
		return aws.NewError(http.StatusNotFound, "UnknownOperationException", "%s", "")
	default:
		return aws.NewError(http.StatusBadRequest, "UnknownOperationException", "%s", "")
	}
}

// decode reads the input and checks it against the model.
func (g *Gateway) decode(x *exchange) error {
	if x.plane != nil {
		return nil
	}
	if _, bound := g.handlers[x.match.Operation]; !bound {
		return aws.NewError(http.StatusNotImplemented, "NotImplemented",
			"drydock does not implement %s of %s.", x.match.Operation.Name, x.match.API.FullName)
	}
	operation := x.match.Operation
	x.in = operation.NewInput()
	content, _ := sigv4.Content(x.r.Body)
	x.request = wire.Request{Request: x.r, Labels: x.match.Labels, Content: content, MaxBody: MaxBody, CheckDigest: operation.API.SigningName == "s3"}
	missing, err := x.codec.Decode(operation, &x.request, x.in)
	if err != nil {
		return err
	}
	shape.FillTokens(x.in, g.Config.Random)
	return shape.Validate(operation, x.in, missing)
}

// dispatch calls the handler.
func (g *Gateway) dispatch(x *exchange) (err error) {
	if x.plane != nil {
		x.w.Header().Set("X-Amzn-RequestId", x.call.RequestID)
		recorder := &statusRecorder{ResponseWriter: x.w}
		x.plane.Serve(x.call, recorder, x.r)
		x.status = recorder.status
		return nil
	}
	x.out, err = g.handlers[x.match.Operation].Serve(x.call, x.in)
	if x.logged {
		x.turn = x.watch.Elapsed()
	}
	return err
}

// Invoke carries out an operation in process: see aws.Op.Do.
func (g *Gateway) Invoke(call *aws.Call, op *aws.Operation, in any) (out any, err error) {
	next := *call
	next.Operation = op
	next.Cloud = g
	handler, bound := g.handlers[op]
	if !bound {
		return nil, aws.NewError(http.StatusNotImplemented, "NotImplemented", "drydock does not implement %s of %s.", op.Name, op.API.FullName)
	}
	defer func() {
		if p := recover(); p != nil {
			g.Log.Error("handler panicked", "operation", op.String(), "request", next.RequestID, "panic", p, "stack", string(debug.Stack()))
			out, err = nil, internalFailure()
		}
	}()
	shape.FillTokens(in, g.Config.Random)
	if err := shape.Validate(op, in, nil); err != nil {
		return nil, err
	}
	if err := g.authorizeCall(&next, in); err != nil {
		return nil, err
	}
	return handler.Serve(&next, in)
}

// Now is the time on the cloud's clock.
func (g *Gateway) Now() time.Time { return g.Config.Clock.Now() }

// Random is the cloud's source of randomness.
func (g *Gateway) Random() io.Reader { return g.Config.Random }

// respond writes the output or the error.
func (g *Gateway) respond(x *exchange, err error) {
	if x.plane != nil && err == nil {
		return
	}
	x.identify()
	if err == nil {
		x.status = successStatus(x.match.Operation)
		if err = x.codec.Write(x.w, x.match.Operation, &x.reply, x.out); err != nil && x.r.Context().Err() == nil {
			g.Log.Warn("write response", "operation", x.match.Operation.String(), "request", x.call.RequestID, "error", err)
		}
		return
	}
	e := g.asError(x, err)
	x.status, x.code = e.Status, e.Code
	if x.plane != nil {
		refusePlane(x, e)
		return
	}
	codec := x.codec
	if codec == nil {
		codec = wire.For(aws.ProtocolRESTXML)
	}
	if err := codec.WriteError(x.w, x.match.Operation, &x.reply, e); err != nil && x.r.Context().Err() == nil {
		g.Log.Warn("write error response", "request", x.call.RequestID, "error", err)
	}
}

// identify fills in what the response says beside its output.
func (x *exchange) identify() {
	x.reply = wire.Reply{RequestID: x.call.RequestID, Head: x.r.Method == http.MethodHead, API: x.match.API, Resource: x.r.URL.Path}
	if x.match.API == nil || x.match.API.Package == "s3" {
		x.reply.HostID = x.call.RequestID
	}
}

func successStatus(op *aws.Operation) int {
	if op.Status != 0 {
		return op.Status
	}
	return http.StatusOK
}

// asError returns the error that the client sees. What is not meant for clients is logged and hidden.
func (g *Gateway) asError(x *exchange, err error) *aws.Error {
	if e, ok := errors.AsType[*aws.Error](err); ok {
		if e.Status == 0 {
			next := *e
			next.Status = http.StatusBadRequest
			return &next
		}
		return e
	}
	var refusal *sigv4.Error // a body that is not what was signed shows while it is read
	if errors.As(err, &refusal) && x.plane == nil {
		return refusal.AWS(x.match.Protocol, x.match.API != nil && x.match.API.Package == "s3")
	}
	if errors.Is(err, context.Canceled) {
		return aws.NewError(499, "RequestCanceled", "the client went away")
	}
	g.Log.Error("request failed", "operation", x.name(), "request", x.call.RequestID, "error", err)
	return internalFailure()
}

func internalFailure() *aws.Error {
	return aws.NewError(http.StatusInternalServerError, "InternalFailure",
		"The request processing has failed because of an unknown error, exception or failure.")
}

// recovered turns a panic into InternalFailure; the server goes on.
func (g *Gateway) recovered(x *exchange) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	g.Log.Error("handler panicked", "operation", x.name(), "request", x.call.RequestID, "panic", p, "stack", string(debug.Stack()))
	g.respond(x, internalFailure())
	g.finished(x)
}

func (x *exchange) name() string {
	switch {
	case x.match.Operation != nil:
		return x.match.Operation.String()
	case x.plane != nil:
		return x.plane.SigningName + " data plane"
	default:
		return x.match.Asked
	}
}
