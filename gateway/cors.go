package gateway

import (
	"net/http"
	"strings"

	"drydock/aws"
	"drydock/gateway/route"
	"drydock/wire"
)

// corsVary lists what a preflight and the answers to pages of other origins depend on.
const corsVary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

// preflight returns what answers a browser's question whether a page of another origin may call S3; nil for any other
// request.
func (g *Gateway) preflight(r *http.Request, m route.Match) *DataPlane {
	if r.Method != http.MethodOptions || g.CORS == nil || m.API == nil || m.API.Package != "s3" {
		return nil
	}
	return &DataPlane{SigningName: "s3", Serve: func(call *aws.Call, w http.ResponseWriter, r *http.Request) {
		headers, err := g.askCORS(call, r, m, r.Header.Get("Access-Control-Request-Method"))
		if err == nil && headers == nil {
			err = aws.NewError(http.StatusForbidden, "AccessForbidden",
				"CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.").
				With("Method", r.Header.Get("Access-Control-Request-Method")).With("ResourceType", "OBJECT")
		}
		if err == nil && r.Header.Get("Origin") == "" {
			err = aws.NewError(http.StatusBadRequest, "BadRequest", "Insufficient information. Origin request header needed.")
		}
		reply := &wire.Reply{RequestID: call.RequestID, HostID: call.RequestID, API: m.API, Resource: r.URL.Path}
		if err != nil {
			x := &exchange{r: r, call: call}
			if err := wire.For(aws.ProtocolRESTXML).WriteError(w, nil, reply, g.asError(x, err)); err != nil {
				g.Log.Warn("write error response", "request", call.RequestID, "error", err)
			}
			return
		}
		setCORS(w.Header(), headers)
		w.Header().Set("X-Amz-Request-Id", call.RequestID)
		w.Header().Set("Content-Length", "0")
	}}
}

// allowOrigin adds to the answer what lets a page of another origin read it.
func (g *Gateway) allowOrigin(x *exchange) {
	if g.CORS == nil || x.r.Header.Get("Origin") == "" || x.match.API == nil || x.match.API.Package != "s3" {
		return
	}
	headers, err := g.askCORS(x.call, x.r, x.match, x.r.Method)
	if err == nil && headers != nil {
		delete(headers, "Access-Control-Allow-Headers")
		setCORS(x.w.Header(), headers)
	}
}

func (g *Gateway) askCORS(call *aws.Call, r *http.Request, m route.Match, method string) (map[string]string, error) {
	bucket := m.Bucket
	if bucket == "" {
		bucket, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	}
	var asked []string
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			asked = append(asked, name)
		}
	}
	return g.CORS(call, bucket, r.Header.Get("Origin"), method, asked)
}

func setCORS(h http.Header, headers map[string]string) {
	for name, value := range headers {
		h.Set(name, value)
	}
	h.Set("Vary", corsVary)
}
