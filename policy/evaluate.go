package policy

import (
	"strings"

	"drydock/aws"
)

// Type is the role a policy plays in a request. Its text is what denials call it.
type Type string

// The types of policy.
const (
	TypeNone     Type = ""
	TypeSCP      Type = "service control policy"
	TypeRCP      Type = "resource control policy"
	TypeResource Type = "resource-based policy"
	TypeTrust    Type = "role trust policy"
	TypeIdentity Type = "identity-based policy"
	TypeBoundary Type = "permissions boundary"
	TypeSession  Type = "session policy"
)

// Reason tells why a decision came out as it did.
type Reason string

// The reasons.
const (
	// ReasonAllowed: every type of policy that has a say allows the request.
	ReasonAllowed Reason = "allowed"
	// ReasonExplicitDeny: a Deny statement matches.
	ReasonExplicitDeny Reason = "explicitDeny"
	// ReasonImplicitDeny: no Allow statement of a type of policy that has to allow matches.
	ReasonImplicitDeny Reason = "implicitDeny"
)

// Request is a request to be decided, with all policies that apply to it.
type Request struct {
	// Principal is who asks; nil is anonymous.
	Principal *aws.Principal
	// Action is the IAM action, such as "s3:GetObject".
	Action string
	// Resource is the ARN of the resource, or "*".
	Resource string
	// ResourceAccount is the account that owns the resource. Where it is empty it is the one in the ARN, and where that
	// has none the principal's.
	ResourceAccount string
	// Context gives the condition keys; nil has none.
	Context Values

	// SCPs and RCPs are the control policies of each level, from the organization's root to the account: each level
	// must allow. Those of the principal's account and of the resource's account, respectively. None: no organization.
	SCPs, RCPs [][]Source
	// ResourcePolicies are the policies of the resource. Principal elements count only here.
	ResourcePolicies []Source
	// Identity are the policies of the user and its groups, or of the role.
	Identity []Source
	// Boundary is the permissions boundary of the user or role. None: no boundary.
	Boundary []Source
	// Session are the policies passed when the session was opened. None: no restriction, except for federated users,
	// who then have no permission but those a resource-based policy gives them.
	Session []Source

	// ResourcePolicyRequired tells that the resource's policy must take part in allowing even callers of its own
	// account, as for KMS keys and for the trust policies of roles. Naming the account passes the decision on to the
	// caller's own policies.
	ResourcePolicyRequired bool
	// Explain asks for Decision.Considered.
	Explain bool
}

// Decision is the outcome for a request.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Type is the type of policy that decided: of an explicit deny the one that denies, of an implicit deny the one that
	// does not allow, of an allowed request the one that grants; TypeNone where the account's root is simply allowed.
	Type Type
	// Source and Sid name the deciding statement where there is one; Statement is that statement.
	Source    string
	Sid       string
	Statement *Statement
	// Considered are all statements that were looked at, when the request asked for an explanation.
	Considered []Considered
}

// Considered is a statement that was looked at.
type Considered struct {
	Type   Type
	Source string
	// Index counts the document's statements from 0.
	Index     int
	Statement *Statement
	Matched   bool
	// Why tells what did not match, or is "matches".
	Why string
}

// verdict is what all policies of one type say together.
type verdict struct {
	typ     Type
	allow   bool
	grant   grant
	deny    bool
	source  string
	st      *Statement
	present bool
}

var anonymous = aws.Principal{Type: aws.PrincipalAnonymous}

// evaluation is the state of one Evaluate. It stays on the stack.
type evaluation struct {
	req          *Request
	principal    *aws.Principal
	resource     segments
	vendor, name string
	considered   []Considered
}

// Evaluate decides a request by AWS's evaluation logic: an explicit deny anywhere wins; then control policies,
// resource-based, identity-based, boundary and session policies must allow, as far as each applies to the kind of
// caller and to whether caller and resource belong to the same account.
func Evaluate(req *Request) Decision {
	e := evaluation{req: req, principal: req.Principal, resource: splitARN(req.Resource)}
	if e.principal == nil {
		e.principal = &anonymous
	}
	e.vendor, e.name, _ = strings.Cut(req.Action, ":")
	e.vendor = asciiLower(e.vendor)
	d := e.decide()
	d.Considered = e.considered
	return d
}

func (e *evaluation) decide() Decision {
	req, p := e.req, e.principal
	crossAccount := e.crossAccount()
	service := p.Type == aws.PrincipalService || p.Type == aws.PrincipalAnonymous

	scp, rcp := verdict{typ: TypeSCP, allow: true}, verdict{typ: TypeRCP, allow: true}
	linked := linkedRole(p)
	if !service && !linked {
		scp = e.levels(TypeSCP, req.SCPs)
	}
	if !linked {
		rcp = e.levels(TypeRCP, req.RCPs)
	}
	resource := e.policies(e.resourceType(), req.ResourcePolicies)
	identity := verdict{typ: TypeIdentity}
	boundary, session := verdict{typ: TypeBoundary}, verdict{typ: TypeSession}
	if !service {
		identity = e.policies(TypeIdentity, req.Identity)
		boundary = e.policies(TypeBoundary, req.Boundary)
		session = e.policies(TypeSession, req.Session)
	}
	all := [...]*verdict{&scp, &rcp, &resource, &identity, &boundary, &session}
	for _, v := range all {
		if v.deny {
			return v.decision(false, ReasonExplicitDeny)
		}
	}
	for _, v := range all[:2] {
		if !v.allow {
			return v.decision(false, ReasonImplicitDeny)
		}
	}
	return e.allow(&resource, &identity, &boundary, &session, crossAccount)
}

// allow decides where nothing denies and the control policies allow.
func (e *evaluation) allow(resource, identity, boundary, session *verdict, crossAccount bool) Decision {
	p := e.principal
	switch p.Type {
	case aws.PrincipalService, aws.PrincipalAnonymous:
		return resource.decision(resource.grant == grantDirect, ReasonImplicitDeny)
	case aws.PrincipalRoot:
		if (crossAccount || e.req.ResourcePolicyRequired) && resource.grant == grantNone {
			return resource.decision(false, ReasonImplicitDeny)
		}
		return Decision{Allowed: true, Reason: ReasonAllowed, Type: TypeNone}
	case aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
	}
	// The user's or session's own side, with what a policy that names its role adds to it.
	fromRole := !crossAccount && resource.grant == grantRole
	federated := p.Type == aws.PrincipalFederatedUser
	own := identity
	switch {
	case fromRole && !identity.allow:
		own = resource
	case federated && strings.HasSuffix(p.RoleARN, ":root"):
		own = &verdict{typ: TypeNone, allow: true}
	}
	if !crossAccount {
		if resource.grant == grantDirect {
			return resource.decision(true, ReasonAllowed)
		}
		if e.req.ResourcePolicyRequired && resource.grant == grantNone {
			return resource.decision(false, ReasonImplicitDeny)
		}
	}
	if !own.allow {
		return own.decision(false, ReasonImplicitDeny)
	}
	if boundary.present && !boundary.allow {
		return boundary.decision(false, ReasonImplicitDeny)
	}
	if (session.present || federated) && !session.allow {
		return session.decision(false, ReasonImplicitDeny)
	}
	if crossAccount && resource.grant == grantNone {
		return resource.decision(false, ReasonImplicitDeny)
	}
	return own.decision(true, ReasonAllowed)
}

// decision makes the outcome that this type of policy is responsible for.
func (v *verdict) decision(allowed bool, reason Reason) Decision {
	d := Decision{Allowed: allowed, Reason: reason, Type: v.typ}
	if allowed {
		d.Reason = ReasonAllowed
	}
	if v.st != nil && (allowed || v.deny) {
		d.Source, d.Statement, d.Sid = v.source, v.st, v.st.Sid
	}
	return d
}

// crossAccount tells whether the resource belongs to another account than the caller.
func (e *evaluation) crossAccount() bool {
	owner := e.req.ResourceAccount
	if owner == "" && e.resource.ok && aws.ValidAccount(e.resource.part[4]) {
		owner = e.resource.part[4]
	}
	return owner != "" && owner != e.principal.Account
}

// resourceType tells what to call the resource's policy.
func (e *evaluation) resourceType() Type {
	if len(e.req.ResourcePolicies) > 0 && e.req.ResourcePolicies[0].Document != nil &&
		e.req.ResourcePolicies[0].Document.Kind == KindTrust {
		return TypeTrust
	}
	return TypeResource
}

// linkedRole tells whether the caller is a session of a service-linked role, which control policies do not limit.
func linkedRole(p *aws.Principal) bool {
	return p.Type == aws.PrincipalAssumedRole && strings.Contains(p.RoleARN, ":role/aws-service-role/")
}

// levels evaluates control policies; each level must allow.
func (e *evaluation) levels(typ Type, levels [][]Source) verdict {
	out := verdict{typ: typ, allow: true, present: len(levels) > 0}
	for _, level := range levels {
		v := e.policies(typ, level)
		if v.deny {
			if !out.deny {
				out.deny, out.source, out.st = true, v.source, v.st
			}
			if !e.req.Explain {
				return out
			}
		}
		out.allow = out.allow && v.allow
	}
	return out
}

// policies evaluates the policies of one type.
func (e *evaluation) policies(typ Type, sources []Source) verdict {
	v := verdict{typ: typ, present: len(sources) > 0}
	resourceBased := typ == TypeResource || typ == TypeTrust
	for i := range sources {
		src := &sources[i]
		if src.Document == nil {
			continue
		}
		for j := range src.Document.Statements {
			st := &src.Document.Statements[j]
			if !e.req.Explain && st.Effect == Allow && v.allow && (!resourceBased || v.grant == grantDirect) {
				continue
			}
			g, why := e.statement(st, resourceBased)
			if e.req.Explain {
				e.considered = append(e.considered, Considered{
					Type: typ, Source: src.Name, Index: j, Statement: st, Matched: why.what == "", Why: why.String(),
				})
			}
			if why.what != "" {
				continue
			}
			if st.Effect == Deny {
				if !v.deny {
					v.deny, v.source, v.st = true, src.Name, st
				}
				if !e.req.Explain {
					return v
				}
				continue
			}
			if !v.deny && g > v.grant {
				v.source, v.st = src.Name, st
			}
			v.allow, v.grant = true, max(v.grant, g)
		}
	}
	return v
}

// mismatch is what kept a statement from matching; empty when it matches.
type mismatch struct {
	what      string
	condition *Condition
}

// String tells it in words.
func (m mismatch) String() string {
	switch {
	case m.what == "":
		return "matches"
	case m.condition != nil:
		return m.what + ": " + m.condition.Operator + " " + m.condition.Key
	default:
		return m.what
	}
}

// statement tells whether a statement applies to the request and, in a resource-based policy, how it names the caller.
func (e *evaluation) statement(st *Statement, resourceBased bool) (grant, mismatch) {
	if !st.matchAction(e.req.Action, e.vendor, e.name) {
		return grantNone, mismatch{what: "action does not match"}
	}
	g := grantDirect
	if resourceBased {
		if g = st.Principals.match(e.principal, st.Effect, len(e.req.Boundary) > 0); g == grantNone {
			return grantNone, mismatch{what: "principal does not match"}
		}
	}
	if !st.matchResource(e.req.Resource, &e.resource, e.req.Context) {
		return grantNone, mismatch{what: "resource does not match"}
	}
	for i := range st.Conditions {
		if !st.Conditions[i].holds(e.req.Context) {
			return grantNone, mismatch{"condition does not hold", &st.Conditions[i]}
		}
	}
	return g, mismatch{}
}
