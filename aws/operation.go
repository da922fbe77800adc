package aws

import (
	"fmt"
	"reflect"
)

// Protocol names one of the wire protocols of AWS.
type Protocol string

// The protocols, named as the AWS models name them.
const (
	ProtocolJSON     Protocol = "json" // AWS JSON 1.0 or 1.1, see API.JSONVersion
	ProtocolQuery    Protocol = "query"
	ProtocolEC2      Protocol = "ec2"
	ProtocolRESTJSON Protocol = "rest-json"
	ProtocolRESTXML  Protocol = "rest-xml"
	ProtocolCBOR     Protocol = "smithy-rpc-v2-cbor"
)

// API is the metadata of one AWS service's API, generated from its model.
type API struct {
	// Package is the name of the generated package and of the service folder, such as "elbv2".
	Package string
	// ServiceID is the model's serviceId, such as "CloudWatch Logs".
	ServiceID string
	// FullName is the service's name in prose, such as "Amazon CloudWatch Logs".
	FullName string
	// EndpointPrefix is the first label of the service's host name.
	EndpointPrefix string
	// SigningName is the service in a SigV4 credential scope.
	SigningName string
	// Version is the date of the API, such as "2014-03-28".
	Version string
	// Protocols lists the protocols clients may use, the model's own first.
	Protocols []Protocol
	// JSONVersion is "1.0" or "1.1" for ProtocolJSON.
	JSONVersion string
	// TargetPrefix is what stands before the dot in X-Amz-Target.
	TargetPrefix string
	// XMLNamespace is the default namespace of XML documents.
	XMLNamespace string
	// StrictXML tells that the service checks a request's XML document against a schema: what the model does not have
	// is refused, not passed over.
	StrictXML bool
	// Global tells that the service has one endpoint for all regions of a partition.
	Global bool
	// Operations lists every operation of the model in the order of their names, handled or not.
	Operations []*Operation
}

// Operation is what the kernel knows of one operation, generated from the model.
type Operation struct {
	API  *API
	Name string
	// Method and URI are the HTTP binding: URI is the model's requestUri with {Label} and {Label+} parts and an
	// optional query string. RPC protocols always use POST /.
	Method string
	URI    string
	// Status is the HTTP status of success; zero means 200.
	Status int
	// HostPrefix is the model's endpoint host prefix, such as "{AccountId}.".
	HostPrefix string
	// InputWrapper is the root element an XML request body has, OutputWrapper the element around a query result.
	InputWrapper  string
	InputXMLNS    string
	OutputWrapper string
	// Deprecated tells that the model keeps it for old clients only.
	Deprecated bool
	// Unsigned tells that the model asks for no signature (authtype none).
	Unsigned bool
	// UnsignedPayload tells that the body is not part of the signature (v4-unsigned-body).
	UnsignedPayload bool
	// ChecksumRequired and ChecksumMember come from httpChecksum: the request must carry a checksum of its body, and
	// the input member that names the algorithm.
	ChecksumRequired bool
	ChecksumMember   string
	// Errors lists the modelled errors.
	Errors []ErrorShape
	// Grants lists what a caller must be allowed to do. All must be granted.
	Grants []Grant

	// Input and Output are the types of the operation's structures, never nil.
	Input, Output reflect.Type
}

// ErrorShape is one modelled error: its shape name, the code on the wire and its HTTP status.
type ErrorShape struct {
	Shape  string
	Code   string
	Status int
	// Type is the generated structure with the error's members.
	Type reflect.Type
}

// Grant is one IAM permission that an operation needs, as data: see api/authz for its source form.
type Grant struct {
	// Action is the IAM action, such as "codecommit:GetBranch".
	Action string
	// Resources are ARN templates; ${Partition}, ${Region} and ${Account} come from the call, any other ${a.b} is the
	// input member at that path (wire names, "[]" after a list), where an absent member leaves the template out.
	// Every resource that results must be granted. No template, or none that applies, means "*". api/authz/README.md
	// has the further forms of variables.
	Resources []string
	// Keys are condition keys taken from the input by a path, or by a template as those of Resources:
	// "codecommit:References=refs/heads/${branchName}". A list gives a multivalued
	// key; a tag list or map for a key that ends in "/" gives one key a tag, a map for one that ends in ":" one key an
	// entry. A value in quotes is meant literally: `iam:PassedToService="ec2.amazonaws.com"`.
	Keys []string
	// When restricts the grant to requests where the named input member, or one of several between "|", is present; with
	// "!" before them, to those where none is.
	When string
}

// String returns "codecommit.GetBranch".
func (o *Operation) String() string { return o.API.Package + "." + o.Name }

// NewInput allocates an input structure.
func (o *Operation) NewInput() any { return reflect.New(o.Input).Interface() }

// Op is an operation with the types of its input and output. The generated packages declare one variable for each
// operation; a service binds it to its handler with Handle, and any other service calls it with Do.
type Op[In, Out any] struct {
	*Operation
}

// NewOp completes the operation's type information. It is called by generated code only.
func NewOp[In, Out any](o *Operation) Op[In, Out] {
	o.Input, o.Output = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return Op[In, Out]{o}
}

// Handler is an operation bound to the function that carries it out.
type Handler struct {
	Operation *Operation
	// Serve carries out the operation; in and the result have the operation's types.
	Serve func(call *Call, in any) (any, error)
}

// Handle binds the operation to its handler. A handler never sees an input that violates the model.
func (op Op[In, Out]) Handle(fn func(*Call, *In) (*Out, error)) Handler {
	return Handler{Operation: op.Operation, Serve: func(call *Call, in any) (any, error) {
		typed, ok := in.(*In)
		if !ok {
			return nil, fmt.Errorf("%s: input is a %T", op, in)
		}
		out, err := fn(call, typed)
		if err != nil {
			return nil, err
		}
		return out, nil
	}}
}

// Do invokes the operation on the cloud the call runs in, as the call's principal: it is validated, authorized,
// audited and throttled as if it had come over HTTP. The error is an *Error whenever the callee refused.
func (op Op[In, Out]) Do(call *Call, in *In) (*Out, error) {
	out, err := call.Cloud.Invoke(call, op.Operation, in)
	if err != nil {
		return nil, err
	}
	typed, ok := out.(*Out)
	if !ok {
		return nil, fmt.Errorf("%s: output is a %T", op, out)
	}
	return typed, nil
}
