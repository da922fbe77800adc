package policy

import (
	"fmt"
	"slices"
	"strings"

	"drydock/aws"
)

// validate checks what the grammar alone does not, in the order in which IAM reports.
func validate(d *Document, raw []rawStatement) error {
	checks := []func(*Document, *Statement, *rawStatement) error{
		checkEffect, checkDates, checkSid, checkAction, checkPrincipal, checkResource, checkPrefixes, checkResourceThere,
	}
	for _, check := range checks {
		for i := range d.Statements {
			if err := check(d, &d.Statements[i], &raw[i]); err != nil {
				return err
			}
		}
	}
	return checkUnique(d)
}

func checkEffect(d *Document, st *Statement, raw *rawStatement) error {
	switch {
	case st.Effect == Allow || st.Effect == Deny:
		return nil
	case d.Kind == KindResource && raw.effect == "":
		return &Malformed{ProblemSyntax, "Missing required field Effect", "no effect"}
	case d.Kind == KindResource:
		return &Malformed{ProblemSyntax, "Invalid effect: " + raw.effect, "effect " + raw.effect}
	case strings.EqualFold(raw.effect, "Allow") || strings.EqualFold(raw.effect, "Deny"):
		return malformed(d.Kind, ProblemLegacy, "effect %q", raw.effect)
	}
	return malformed(d.Kind, ProblemSyntax, "effect %q", raw.effect)
}

func checkDates(d *Document, st *Statement, _ *rawStatement) error {
	for _, c := range st.Conditions {
		if c.op.family != familyDate {
			continue
		}
		for _, s := range c.Values {
			if _, ok := parseDate(s); !ok && (d.Version != Version2012 || !strings.Contains(s, "${")) {
				return malformed(d.Kind, ProblemLegacy, "date %q", s)
			}
		}
	}
	return nil
}

// checkUnique wants no two statements with the same Sid.
func checkUnique(d *Document) error {
	seen := make(map[string]bool, len(d.Statements))
	for i := range d.Statements {
		sid := d.Statements[i].Sid
		if sid != "" && seen[sid] {
			return malformed(d.Kind, ProblemSidNotUnique, "sid %q", sid)
		}
		seen[sid] = true
	}
	return nil
}

// checkSid wants plain Sids where IAM keeps the policy; other services take spaces and punctuation.
func checkSid(d *Document, st *Statement, _ *rawStatement) error {
	if d.Kind == KindResource || d.Kind == KindSCP || d.Kind == KindRCP {
		return nil
	}
	for _, c := range st.Sid {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return malformed(d.Kind, ProblemSid, "sid %q", st.Sid)
		}
	}
	return nil
}

func checkAction(d *Document, st *Statement, raw *rawStatement) error {
	if !raw.hasAction || len(st.Actions) == 0 {
		return malformed(d.Kind, ProblemNoAction, "no action")
	}
	return nil
}

// checkPrefixes checks the form of actions.
func checkPrefixes(d *Document, st *Statement, _ *rawStatement) error {
	for _, a := range st.Actions {
		vendor, name, found := strings.Cut(a, ":")
		switch {
		case a == "*":
		case !found || vendor == "" || name == "":
			return malformed(d.Kind, ProblemAction, "action %q", a)
		case strings.Contains(name, ":"):
			return malformedAs(d.Kind, ProblemAction, "Policy has invalid action", "Actions/Condition can contain only one colon.")
		case vendor != "*" && !plainVendor(vendor):
			return malformedAs(d.Kind, ProblemAction, "Policy has invalid action", "Vendor %s is not valid", vendor)
		case d.Kind == KindTrust && !strings.EqualFold(vendor, "sts"):
			return malformedAs(d.Kind, ProblemAction, "",
				"Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and sts:AssumeRoleWithWebIdentity")
		}
	}
	return nil
}

func plainVendor(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// checkPrincipal demands a principal of policies that resources carry and forbids one to all others.
func checkPrincipal(d *Document, st *Statement, _ *rawStatement) error {
	ps := st.Principals
	switch d.Kind {
	case KindTrust, KindResource:
		if ps == nil {
			return malformed(d.Kind, ProblemNoPrincipal, "no principal")
		}
	case KindRCP:
		if ps == nil || ps.Not || !ps.Any && !slices.Equal(ps.AWS, []string{"*"}) {
			return malformed(d.Kind, ProblemSyntax, "principal must be *")
		}
	case KindSCP:
		if ps != nil {
			return malformed(d.Kind, ProblemSyntax, "principal in a service control policy")
		}
	default:
		if ps != nil {
			return &Malformed{ProblemProhibited, "Policy document should not specify a principal.", "Has prohibited field Principal"}
		}
	}
	if ps == nil {
		return nil
	}
	for _, s := range ps.AWS {
		a, ok := parseAWS(s)
		if !ok {
			return InvalidPrincipal(d.Kind, "AWS", s)
		}
		ps.aws = append(ps.aws, a)
	}
	for _, s := range ps.Service {
		if s != "*" && (!strings.Contains(s, ".") || strings.ContainsAny(s, "*?: /")) {
			return InvalidPrincipal(d.Kind, "SERVICE", s)
		}
	}
	for _, s := range ps.Federated {
		if s == "" {
			return InvalidPrincipal(d.Kind, "FEDERATED", s)
		}
	}
	for _, s := range ps.CanonicalUser {
		if s == "" {
			return InvalidPrincipal(d.Kind, "CanonicalUser", s)
		}
	}
	return nil
}

func checkResource(d *Document, st *Statement, raw *rawStatement) error {
	if d.Kind == KindTrust {
		if raw.hasResource {
			return &Malformed{ProblemProhibited, "Has prohibited field Resource", "resource in a trust policy"}
		}
		return nil
	}
	for _, s := range st.Resources {
		if err := checkARN(d, s); err != nil {
			return err
		}
	}
	return nil
}

// checkResourceThere comes last, as in IAM.
func checkResourceThere(d *Document, st *Statement, _ *rawStatement) error {
	if d.Kind != KindTrust && len(st.Resources) == 0 {
		return malformed(d.Kind, ProblemNoResource, "no resource")
	}
	return nil
}

// checkARN checks the form of a resource as IAM does. Resource-based policies only need some text: several services
// take abbreviated forms of their own ARNs and check them themselves.
func checkARN(d *Document, s string) error {
	if s == "*" {
		return nil
	}
	if d.Kind == KindResource {
		if s == "" {
			return &Malformed{ProblemResource, "Policy has invalid resource", "resource is empty"}
		}
		return nil
	}
	fields := splitPattern(s, true)
	bad := func(format string, args ...any) error {
		return malformedAs(d.Kind, ProblemResource, "Policy has invalid resource", format, args...)
	}
	if len(fields) == 1 && s != "" && strings.Trim(s, "*") == "" {
		return nil
	}
	if len(fields) < 2 || fields[0] != "arn" {
		return bad(`Resource %s must be in ARN format or "*".`, s)
	}
	if p := fields[1]; p != "*" && !knownPartition(p) && !strings.Contains(p, "${") && !strings.ContainsAny(p, "*?") {
		rest := append(slices.Clone(fields[2:]), "*", "*", "*", "*")
		last := rest[3]
		if rest[0] == "" {
			rest[0] = "*"
		}
		return bad(`Partition "%s" is not valid for resource "%s".`, p, fmt.Sprintf("arn:%s:%s:%s:%s:%s", p, rest[0], rest[1], rest[2], last))
	}
	if len(fields) < 3 {
		if fields[1] == "*" {
			return nil
		}
		return bad("Resource vendor must be fully qualified and cannot contain regexes.")
	}
	if fields[2] == "" || len(fields) < 6 && strings.Contains(s, "::") {
		return malformed(d.Kind, ProblemLegacy, "resource %q", s)
	}
	if fields[2] == "iam" && len(fields) == 6 && fields[3] != "" && fields[3] != "*" {
		return bad("IAM resource %s cannot contain region information.", s)
	}
	if fields[2] == "iam" && len(fields) == 6 && !iamPath(fields[5]) {
		return bad(`IAM resource path must either be "*" or start with %s.`, strings.Join(iamPaths, ", "))
	}
	return nil
}

// iamPaths are the starts of IAM's own resources, in the order in which IAM lists them.
var iamPaths = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
	"sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
}

func iamPath(s string) bool {
	if s == "" || s == "root" || strings.HasPrefix(s, "*") || strings.HasPrefix(s, "${") {
		return s != ""
	}
	if strings.HasPrefix(s, "role-template/") { // in AWS's own policies
		return true
	}
	return slices.ContainsFunc(iamPaths, func(p string) bool {
		return strings.HasPrefix(s, p) || strings.HasSuffix(s, "*") && strings.HasPrefix(p, strings.TrimSuffix(s, "*"))
	})
}

func knownPartition(s string) bool {
	switch s {
	case "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc":
		return true
	}
	return false
}

// AWSPrincipals calls fn with every value of type AWS in the document's Principal elements that IAM has to know: users
// and roles, by ARN, and their unique ids. A service that stores the document refuses those that do not exist.
func (d *Document) AWSPrincipals(fn func(value string) bool) {
	for i := range d.Statements {
		if d.Statements[i].Principals == nil {
			continue
		}
		for j, a := range d.Statements[i].Principals.aws {
			value := d.Statements[i].Principals.AWS[j]
			arn, err := aws.ParseARN(value)
			if a.kind == awsID || a.kind == awsARN && err == nil && arn.Service == "iam" && aws.ValidAccount(arn.Account) {
				if !fn(value) {
					return
				}
			}
		}
	}
}
