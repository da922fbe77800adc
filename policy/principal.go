package policy

import (
	"strings"

	"drydock/aws"
)

// Principals is a Principal or NotPrincipal element.
type Principals struct {
	// Not tells that the element is NotPrincipal.
	Not bool
	// Any tells that the element is "*".
	Any bool
	// AWS, Service, Federated and CanonicalUser hold the values of each type as written.
	AWS, Service, Federated, CanonicalUser []string

	aws []awsPrincipal
}

// awsKind is the form of a value of type AWS.
type awsKind uint8

const (
	awsAny     awsKind = iota // "*"
	awsAccount                // an account id or the ARN of its root
	awsARN                    // a user, role, session or federated user
	awsID                     // AIDA... or AROA...
)

type awsPrincipal struct {
	kind awsKind
	text string // account, ARN or id
}

// grant is how directly a statement names the caller. It decides which other policies can limit what it allows.
type grant uint8

const (
	grantNone    grant = iota
	grantAccount       // by the account: only passes the decision on to the account's identity-based policies
	grantRole          // by the role, or the user behind a federated session: boundary and session policies limit it
	grantDirect        // by the very caller, or everyone
)

// parseAWS reads one value of type AWS.
func parseAWS(s string) (awsPrincipal, bool) {
	if s == "*" {
		return awsPrincipal{kind: awsAny}, true
	}
	if aws.ValidAccount(s) {
		return awsPrincipal{awsAccount, s}, true
	}
	if (strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")) && len(s) >= 16 && len(s) <= 128 && upperAlnum(s) {
		return awsPrincipal{awsID, s}, true
	}
	arn, err := aws.ParseARN(s)
	if err != nil || strings.ContainsAny(s, "*?") || !strings.HasPrefix(arn.Partition, "aws") || arn.Region != "" {
		return awsPrincipal{}, false
	}
	kind, rest, _ := strings.Cut(arn.Resource, "/")
	switch {
	case arn.Service == "iam" && arn.Resource == "root" && aws.ValidAccount(arn.Account):
		return awsPrincipal{awsAccount, arn.Account}, true
	case arn.Service == "iam" && (kind == "user" || kind == "role") && rest != "" && !strings.HasSuffix(rest, "/"):
		// CloudFront's origin access identities are users of the account "cloudfront".
		return awsPrincipal{awsARN, s}, aws.ValidAccount(arn.Account) || arn.Account == "cloudfront" && kind == "user"
	case arn.Service == "sts" && aws.ValidAccount(arn.Account):
		role, session, _ := strings.Cut(rest, "/")
		ok := kind == "assumed-role" && role != "" && session != "" || kind == "federated-user" && rest != ""
		return awsPrincipal{awsARN, s}, ok
	}
	return awsPrincipal{}, false
}

func upperAlnum(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// named tells how an element without Not names the caller.
func (ps *Principals) named(p *aws.Principal) grant {
	if ps.Any {
		return grantDirect
	}
	best := grantNone
	if p.Type == aws.PrincipalService {
		for _, s := range ps.Service {
			if s == "*" || s == p.Name {
				return grantDirect
			}
		}
	}
	for i := range ps.aws {
		best = max(best, ps.aws[i].names(p))
	}
	if best < grantDirect && p.Session != nil && p.Session.Provider != "" {
		for _, s := range ps.Federated {
			if s == "*" || s == p.Session.Provider {
				return grantDirect
			}
		}
	}
	return best
}

// names tells how one value of type AWS names the caller.
func (a *awsPrincipal) names(p *aws.Principal) grant {
	if a.kind == awsAny {
		return grantDirect
	}
	if p.Type == aws.PrincipalAnonymous || p.Type == aws.PrincipalService {
		return grantNone
	}
	switch a.kind {
	case awsAccount:
		if a.text == p.Account {
			return grantAccount
		}
	case awsARN:
		if a.text == p.ARN {
			return grantDirect
		}
		if p.RoleARN != "" && a.text == p.RoleARN {
			return grantRole
		}
	case awsID:
		if a.text == p.ID {
			return grantDirect
		}
		if id, _, found := strings.Cut(p.ID, ":"); found && id == a.text {
			return grantRole
		}
	case awsAny: // matched before
	}
	return grantNone
}

// excludes tells whether a Deny with NotPrincipal leaves the caller alone. AWS compares every principal that the
// caller is (the account, the role, the session), and all must be listed; a caller with a permissions boundary is
// never left alone.
func (ps *Principals) excludes(p *aws.Principal, bounded bool) bool {
	if ps.Any {
		return true
	}
	if bounded {
		return false
	}
	switch p.Type {
	case aws.PrincipalAnonymous, aws.PrincipalService:
		return ps.named(p) != grantNone
	case aws.PrincipalRoot:
		return ps.lists(p, grantAccount)
	case aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
	}
	if !ps.lists(p, grantAccount) {
		return false
	}
	if p.RoleARN != "" && !ps.lists(p, grantRole) {
		return false
	}
	return ps.lists(p, grantDirect)
}

// lists tells whether a value names the caller in exactly this way.
func (ps *Principals) lists(p *aws.Principal, g grant) bool {
	for i := range ps.aws {
		if got := ps.aws[i].names(p); got == g || ps.aws[i].kind == awsAny {
			return true
		}
	}
	return false
}

// match tells whether and how a statement of a resource-based policy with this element applies to the caller.
func (ps *Principals) match(p *aws.Principal, effect Effect, bounded bool) grant {
	if ps == nil {
		return grantNone
	}
	if !ps.Not {
		return ps.named(p)
	}
	if effect == Deny && !ps.excludes(p, bounded) || effect == Allow && ps.named(p) == grantNone {
		return grantDirect
	}
	return grantNone
}
