package policy

import "fmt"

// Problem is what is wrong with a document.
type Problem string

// The problems Parse reports.
const (
	ProblemTooLong      Problem = "too long"
	ProblemSyntax       Problem = "syntax"
	ProblemVersion      Problem = "version"
	ProblemLegacy       Problem = "legacy parsing"
	ProblemSidNotUnique Problem = "sid not unique"
	ProblemSid          Problem = "sid"
	ProblemNoAction     Problem = "no action"
	ProblemAction       Problem = "action"
	ProblemNoResource   Problem = "no resource"
	ProblemResource     Problem = "resource"
	ProblemNoPrincipal  Problem = "no principal"
	ProblemPrincipal    Problem = "principal"
	ProblemProhibited   Problem = "prohibited field"
)

// Malformed is the error Parse returns. Message is worded as AWS words it for the kind of document; the code it goes
// under is the service's own: MalformedPolicyDocument for IAM and STS, MalformedPolicy for S3.
type Malformed struct {
	Problem Problem
	Message string
	// Detail says more, for logs and explanations.
	Detail string
}

// Error returns the message.
func (m *Malformed) Error() string { return m.Message }

// wording holds the messages that need nothing of the document: IAM's, then S3's.
var wording = map[Problem][2]string{
	ProblemTooLong:      {"Policy document is too long.", "Policy exceeds the maximum allowed document size."},
	ProblemSyntax:       {"Syntax errors in policy.", "Invalid policy syntax."},
	ProblemVersion:      {"Policy document must be version 2012-10-17 or greater.", "The policy must contain a valid version string"},
	ProblemLegacy:       {"The policy failed legacy parsing", "Invalid policy syntax."},
	ProblemSidNotUnique: {"Statement IDs (SID) in a single policy must be unique.", "Statement IDs (SID) in a single policy must be unique."},
	ProblemSid: {"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
		"Invalid policy syntax."},
	ProblemNoAction:    {"Policy statement must contain actions.", "Missing required field Action"},
	ProblemAction:      {"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", "Policy has invalid action"},
	ProblemNoResource:  {"Policy statement must contain resources.", "Missing required field Resource"},
	ProblemNoPrincipal: {"Missing required field Principal", "Missing required field Principal"},
}

// malformed returns the error for a problem in the words of the kind.
func malformed(k Kind, p Problem, detail string, args ...any) error {
	i := 0
	if k == KindResource {
		i = 1
	}
	return &Malformed{Problem: p, Message: wording[p][i], Detail: fmt.Sprintf(detail, args...)}
}

// malformedAs returns the error for a problem with a message of its own for every kind but KindResource.
func malformedAs(k Kind, p Problem, resource, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	m := &Malformed{Problem: p, Message: message, Detail: message}
	if k == KindResource {
		m.Message = resource
	}
	return m
}

// InvalidPrincipal is the error for a principal that does not have a valid form or, as only IAM can tell, does not
// exist. typ is "AWS", "Service", "Federated" or "CanonicalUser".
func InvalidPrincipal(k Kind, typ, value string) error {
	return malformedAs(k, ProblemPrincipal, "Invalid principal in policy", "Invalid principal in policy: %q:%q", typ, value)
}
