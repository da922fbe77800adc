package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"drydock/aws"
	"drydock/policy"
	"drydock/wire/shape"
)

// grantPlans holds the compiled grants of the operations called so far.
type grantPlans struct{ plans sync.Map } // *aws.Operation → []grantPlan

// grantPlan is an aws.Grant with its templates and paths compiled for the operation's input.
type grantPlan struct {
	action    string
	resources []template
	keys      []keyPlan
	when      *shape.Path
	unless    *shape.Path
}

// template is an ARN template: literals and variables in turn.
type template struct {
	parts []templatePart
	// arnPath is the first member in it: a member that holds a whole ARN stands for the resource itself.
	arnPath *shape.Path
}

type templatePart struct {
	literal string
	path    *shape.Path
}

// keyPlan is a condition key that an input member gives.
type keyPlan struct {
	name    string // in lower case
	path    *shape.Path
	literal string
	tags    bool // the member is a list or map of tags, the name a prefix
}

// plan returns the compiled grants of an operation.
func (p *grantPlans) plan(op *aws.Operation) ([]grantPlan, error) {
	if v, ok := p.plans.Load(op); ok {
		if plans, ok := v.([]grantPlan); ok {
			return plans, nil
		}
	}
	plans := make([]grantPlan, 0, len(op.Grants))
	for _, grant := range op.Grants {
		plan, err := compileGrant(op, grant)
		if err != nil {
			return nil, fmt.Errorf("grants of %s: %w", op, err)
		}
		plans = append(plans, plan)
	}
	p.plans.Store(op, plans)
	return plans, nil
}

func compileGrant(op *aws.Operation, grant aws.Grant) (plan grantPlan, err error) {
	plan.action = grant.Action
	if when, not := strings.CutPrefix(grant.When, "!"); not {
		plan.unless, err = shape.CompilePath(op.Input, when)
	} else if when != "" {
		plan.when, err = shape.CompilePath(op.Input, when)
	}
	if err != nil {
		return plan, err
	}
	for _, text := range grant.Resources {
		t, err := compileTemplate(op, text)
		if err != nil {
			return plan, err
		}
		plan.resources = append(plan.resources, t)
	}
	for _, text := range grant.Keys {
		name, path, ok := strings.Cut(text, "=")
		if !ok {
			return plan, fmt.Errorf("condition key %q has no value", text)
		}
		key := keyPlan{name: strings.ToLower(name), tags: strings.HasSuffix(name, "/")}
		if literal, ok := strings.CutPrefix(path, `"`); ok {
			key.literal = strings.TrimSuffix(literal, `"`)
		} else if key.path, err = shape.CompilePath(op.Input, path); err != nil {
			return plan, err
		}
		plan.keys = append(plan.keys, key)
	}
	return plan, nil
}

func compileTemplate(op *aws.Operation, text string) (t template, err error) {
	for text != "" {
		literal, rest, found := strings.Cut(text, "${")
		if literal != "" {
			t.parts = append(t.parts, templatePart{literal: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, fmt.Errorf("template %q is not closed", text)
		}
		text = after
		switch name {
		case "Partition", "Region", "Account":
			t.parts = append(t.parts, templatePart{literal: "${" + name + "}"})
		default:
			path, err := shape.CompilePath(op.Input, name)
			if err != nil {
				return t, err
			}
			if t.arnPath == nil {
				t.arnPath = path
			}
			t.parts = append(t.parts, templatePart{path: path})
		}
	}
	return t, nil
}

// expand returns the resources that the template names for an input: none when a member it needs is absent.
func (t *template) expand(call *aws.Call, in any) []string {
	if t.arnPath != nil {
		if values := t.arnPath.Strings(in); len(values) > 0 && strings.HasPrefix(values[0], "arn:") {
			return values
		}
	}
	arns := []string{""}
	for _, part := range t.parts {
		var values []string
		switch part.literal {
		case "${Partition}":
			values = []string{call.Partition}
		case "${Region}":
			values = []string{call.Region}
		case "${Account}":
			values = []string{call.Account}
		case "":
			values = part.path.Strings(in)
		default:
			values = []string{part.literal}
		}
		next := make([]string, 0, len(arns)*len(values))
		for _, prefix := range arns {
			for _, v := range values {
				next = append(next, prefix+v)
			}
		}
		arns = next
	}
	return arns
}

// inputKeys gives the condition keys that a grant takes from the input, and keys given outright.
type inputKeys struct {
	plan  *grantPlan
	in    any
	fixed map[string][]string
	more  policy.Values
}

// Values returns a key's values.
func (k inputKeys) Values(key string) ([]string, bool) {
	if k.plan != nil {
		for i := range k.plan.keys {
			p := &k.plan.keys[i]
			if p.name != key || p.tags {
				continue
			}
			if p.path == nil {
				return []string{p.literal}, true
			}
			if values := p.path.Strings(k.in); len(values) > 0 {
				return values, true
			}
		}
	}
	for name, values := range k.fixed {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	if k.more != nil {
		return k.more.Values(key)
	}
	return nil, false
}

// requestTags collects the tags of a grant's tag keys; nil when the operation takes none.
func (p *grantPlan) requestTags(in any) map[string]string {
	var tags map[string]string
	for i := range p.keys {
		if p.keys[i].tags && p.keys[i].name == "aws:requesttag/" {
			if tags == nil {
				tags = map[string]string{}
			}
			for _, pair := range p.keys[i].path.Pairs(in) {
				tags[pair.Key] = pair.Value
			}
		}
	}
	return tags
}

func (g *Gateway) authorizeExchange(x *exchange) error {
	if x.plane != nil {
		return nil // the data plane asks for itself, per ref or object
	}
	return g.authorizeCall(x.call, x.in)
}

// authorizeCall asks whether the caller may carry out the call's operation with this input.
func (g *Gateway) authorizeCall(call *aws.Call, in any) error {
	plans, err := g.grants.plan(call.Operation)
	if err != nil {
		return err
	}
	if call.Operation.Unsigned {
		return nil
	}
	for i := range plans {
		plan := &plans[i]
		if plan.when != nil && !plan.when.Present(in) || plan.unless != nil && plan.unless.Present(in) {
			continue
		}
		var resources []string
		for j := range plan.resources {
			resources = append(resources, plan.resources[j].expand(call, in)...)
		}
		if len(resources) == 0 {
			resources = []string{"*"}
		}
		tags := plan.requestTags(in)
		for _, resource := range resources {
			keys := inputKeys{plan: plan, in: in}
			if err := g.check(call, plan.action, resource, keys, tags); err != nil {
				return err
			}
		}
	}
	return nil
}

// Authorize asks whether the caller may do something that the operation's grants do not cover: see aws.Cloud.
func (g *Gateway) Authorize(call *aws.Call, c aws.Check) error {
	return g.check(call, c.Action, c.Resource, inputKeys{fixed: c.Keys}, nil)
}

// check decides one action on one resource.
func (g *Gateway) check(call *aws.Call, action, resource string, keys inputKeys, tags map[string]string) error {
	facts, err := g.facts(call, resource)
	if err != nil {
		return err
	}
	principal := &call.Principal
	if principal.Type == aws.PrincipalRoot && len(facts.Policies) == 0 && !facts.PolicyRequired &&
		(facts.Account == "" || facts.Account == principal.Account) && ownAccount(resource, principal.Account) {
		return nil // the root user of an account that no control policy limits; nothing to weigh
	}
	request := policy.Request{
		Principal: principal, Action: action, Resource: resource, ResourceAccount: facts.Account,
		ResourcePolicies: facts.Policies, ResourcePolicyRequired: facts.PolicyRequired,
	}
	if g.Identity != nil {
		switch principal.Type {
		case aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
			grants, err := g.Identity.Grants(call, principal)
			if err != nil {
				return fmt.Errorf("policies of %s: %w", principal.ARN, err)
			}
			request.Identity, request.Boundary, request.Session, request.SCPs = grants.Identity, grants.Boundary, grants.Session, grants.SCPs
		}
	}
	ctx := policy.NewContext(call)
	ctx.ResourceAccount, ctx.ResourceTags, ctx.RequestTags = facts.Account, facts.Tags, tags
	keys.more = facts.Keys
	ctx.Keys = keys
	request.Context = ctx
	decision := policy.Evaluate(&request)
	if !decision.Allowed && decision.Reason == policy.ReasonImplicitDeny && ownWork(call, &facts) {
		return nil
	}
	g.trail.record(call, &request, decision)
	if decision.Allowed {
		return nil
	}
	return denied(call, policy.Denial(decision, &request))
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
func (g *Gateway) facts(call *aws.Call, resource string) (policy.Facts, error) {
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
	facts, err := find(call, resource)
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
