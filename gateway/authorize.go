package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"drydock/aws"
	"drydock/policy"
)

// requestKeys gives the condition keys that come from the request, then those that come from the resource.
type requestKeys struct {
	request  policy.Map
	resource policy.Values
}

// Values returns a key's values.
func (k *requestKeys) Values(key string) ([]string, bool) {
	if values, ok := k.request[key]; ok {
		return values, true
	}
	if k.resource != nil {
		return k.resource.Values(key)
	}
	return nil, false
}

func (g *Gateway) authorizeExchange(x *exchange) error {
	if x.plane != nil {
		return nil // the data plane asks for itself, per ref or object
	}
	return g.authorizeCall(x.call, x.in)
}

// authorizeCall asks whether the caller may carry out the call's operation with this input.
func (g *Gateway) authorizeCall(call *aws.Call, in any) error {
	if call.Operation.Unsigned {
		return nil
	}
	for _, need := range policy.Needs(call, call.Operation, in) {
		for _, resource := range need.Resources {
			if err := g.check(call, need.Action, resource, need.Keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// Authorize asks whether the caller may do something that the operation's grants do not cover: see aws.Cloud.
func (g *Gateway) Authorize(call *aws.Call, c aws.Check) error {
	keys := make(policy.Map, len(c.Keys))
	for name, values := range c.Keys {
		keys[strings.ToLower(name)] = values
	}
	return g.check(call, c.Action, c.Resource, keys)
}

// check decides one action on one resource, and on what stands behind it.
func (g *Gateway) check(call *aws.Call, action, resource string, keys policy.Map) error {
	facts, err := g.facts(call, aws.Check{Action: action, Resource: resource, Keys: keys})
	if err != nil {
		return err
	}
	if err := g.decide(call, action, resource, keys, facts); err != nil || facts.Behind == nil {
		return err
	}
	all := make(policy.Map, len(keys)+len(facts.Behind.Keys))
	maps.Copy(all, keys)
	maps.Copy(all, facts.Behind.Keys)
	return g.check(call, action, facts.Behind.Resource, all)
}

// decide decides one action on one resource of which everything is known.
func (g *Gateway) decide(call *aws.Call, action, resource string, keys policy.Map, facts policy.Facts) error {
	if facts.ARN != "" {
		resource = facts.ARN
	}
	principal := &call.Principal
	if principal.Type == aws.PrincipalRoot && len(facts.Policies) == 0 && !facts.PolicyRequired &&
		(facts.Account == "" || facts.Account == principal.Account) && ownAccount(resource, principal.Account) {
		// The root user of an account that no control policy limits; nothing to weigh. But where its key was issued, IAM
		// learns that the key is used.
		if g.Identity != nil && principal.AccessKeyID != "" && !principal.Local {
			if _, err := g.Identity.Grants(call, principal); err != nil {
				return fmt.Errorf("policies of %s: %w", principal.ARN, err)
			}
		}
		return nil
	}
	d := &decided{
		at: call.Now(), call: call,
		request: policy.Request{
			Principal: principal, Action: action, Resource: resource, ResourceAccount: facts.Account,
			ResourcePolicies: facts.Policies, ResourcePolicyRequired: facts.PolicyRequired,
		},
		context: policy.ContextOf(call), keys: requestKeys{request: keys, resource: facts.Keys},
	}
	request := &d.request
	if g.Identity != nil {
		switch principal.Type {
		case aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
			grants, err := g.Identity.Grants(call, principal)
			if err != nil {
				return fmt.Errorf("policies of %s: %w", principal.ARN, err)
			}
			request.Identity, request.Boundary, request.Session, request.SCPs = grants.Identity, grants.Boundary, grants.Session, grants.SCPs
		case aws.PrincipalAnonymous, aws.PrincipalRoot, aws.PrincipalService:
		}
	}
	d.context.ResourceAccount, d.context.ResourceTags, d.context.Keys = facts.Account, facts.Tags, &d.keys
	request.Context = &d.context
	d.decision = policy.Evaluate(request)
	if !d.decision.Allowed && d.decision.Reason == policy.ReasonImplicitDeny && ownWork(call, &facts) {
		return nil
	}
	g.trail.record(d)
	if d.decision.Allowed {
		return nil
	}
	return denied(call, refusal(d.decision, request, &facts))
}

// refusal words a denial.
func refusal(decision policy.Decision, r *policy.Request, facts *policy.Facts) string {
	p := r.Principal
	switch {
	case strings.HasPrefix(r.Action, "s3:") && (p.Type == aws.PrincipalAnonymous || facts.Account != "" && facts.Account != p.Account):
		// Callers of no account or of another than the owner's do not learn why: AWS returns S3's enhanced messages within an
		// account or an organization only.
		return "Access Denied"
	case r.Action == "iam:PassRole" && p.Account != "" && !ownAccount(r.Resource, p.Account):
		return "Cross-account pass role is not allowed."
	}
	return policy.Denial(decision, r)
}

// ownWork tells that a service of the cloud acts within its own account, in process: as at AWS, that needs no policy
// unless the resource's own policy has to agree.
func ownWork(call *aws.Call, facts *policy.Facts) bool {
	return call.Principal.Type == aws.PrincipalService && call.Request.Host == "" && !facts.PolicyRequired &&
		(facts.Account == "" || facts.Account == call.Account)
}

func ownAccount(resource, account string) bool {
	a, err := aws.ParseARN(resource)
	return err != nil || a.Account == "" || a.Account == account || a.Account == "aws"
}

// facts asks the service that owns a resource what policies must know of it.
func (g *Gateway) facts(call *aws.Call, check aws.Check) (policy.Facts, error) {
	resource := check.Resource
	if resource == "*" || len(g.Config.Facts) == 0 {
		return policy.Facts{}, nil
	}
	_, rest, _ := strings.Cut(resource, ":")
	_, rest, _ = strings.Cut(rest, ":")
	service, _, _ := strings.Cut(rest, ":")
	find := g.Config.Facts[service]
	if find == nil {
		return policy.Facts{}, nil
	}
	facts, err := find(call, check)
	if err != nil {
		return facts, fmt.Errorf("facts of %s: %w", resource, err)
	}
	return facts, nil
}

// denied is the error for a request that is not allowed, as the protocol has it.
func denied(call *aws.Call, message string) error {
	protocol := aws.ProtocolJSON
	if call.Operation != nil && len(call.Operation.API.Protocols) > 0 {
		protocol = call.Operation.API.Protocols[0]
	}
	switch protocol {
	case aws.ProtocolQuery, aws.ProtocolRESTXML:
		return aws.NewError(http.StatusForbidden, "AccessDenied", "%s", message)
	case aws.ProtocolEC2:
		return aws.NewError(http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. %s", message)
	case aws.ProtocolRESTJSON:
		return aws.NewError(http.StatusForbidden, "AccessDeniedException", "%s", message)
	default:
		return aws.NewError(http.StatusBadRequest, "AccessDeniedException", "%s", message)
	}
}
