package policy

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"drydock/aws"
)

const home, away = "111122223333", "444455556666"

// cast are the callers of the cases in testdata.
var cast = map[string]*aws.Principal{
	"root": {Type: aws.PrincipalRoot, Account: home, ID: home, ARN: "arn:aws:iam::111122223333:root"},
	"bob":  {Type: aws.PrincipalUser, Account: home, ID: "AIDAEXAMPLEEXAMPLE123", Name: "bob", ARN: "arn:aws:iam::111122223333:user/bob"},
	"eve":  {Type: aws.PrincipalUser, Account: away, ID: "AIDAEXAMPLEEXAMPLE456", Name: "eve", ARN: "arn:aws:iam::444455556666:user/eve"},
	"dev": {
		Type: aws.PrincipalAssumedRole, Account: home, ID: "AROAEXAMPLEEXAMPLE123:alice", Name: "dev",
		ARN: "arn:aws:sts::111122223333:assumed-role/dev/alice", RoleARN: "arn:aws:iam::111122223333:role/dev", Session: &aws.Session{},
	},
	"linked": {
		Type: aws.PrincipalAssumedRole, Account: home, ID: "AROAEXAMPLEEXAMPLE789:s", Name: "AWSServiceRoleForAutoScaling",
		ARN:     "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/s",
		RoleARN: "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
	},
	"fed": {
		Type: aws.PrincipalFederatedUser, Account: home, ID: "111122223333:fay", Name: "fay",
		ARN: "arn:aws:sts::111122223333:federated-user/fay", RoleARN: "arn:aws:iam::111122223333:user/bob", Session: &aws.Session{},
	},
	"web": {
		Type:    aws.PrincipalAnonymous,
		Session: &aws.Session{Provider: "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
	},
	"codebuild": {Type: aws.PrincipalService, Account: home, Name: "codebuild.amazonaws.com", ARN: "codebuild.amazonaws.com"},
	"anonymous": nil,
}

// evaluateCase is one case of testdata/evaluate.json; policies are lists of statements.
type evaluateCase struct {
	Name, As, Action, Resource, Owner, Version string
	Required                                   bool
	Identity, Boundary, Session                json.RawMessage
	ResourcePolicy, TrustPolicy                json.RawMessage
	SCPs, RCPs                                 [][]json.RawMessage
	Context                                    Map
	// Expected; what is left out is not looked at, Denial means not allowed.
	Allowed              bool
	Type, Reason, Denial *string
}

// sources parses a list of statements.
func sources(t *testing.T, name string, kind Kind, version string, statements json.RawMessage) []Source {
	t.Helper()
	if statements == nil {
		return nil
	}
	if version == "" {
		version = Version2012
	}
	doc, err := Parse(kind, `{"Version": "`+version+`", "Statement": `+string(statements)+`}`)
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, func() *Malformed {
			target := &Malformed{}
			_ = errors.As(err, &target)
			return target
		}().Detail)
	}
	return []Source{{Name: name, Document: doc}}
}

func (c *evaluateCase) request(t *testing.T) *Request {
	t.Helper()
	principal, known := cast[c.As]
	if !known {
		t.Fatalf("no %q in the cast", c.As)
	}
	req := &Request{
		Principal: principal, Action: c.Action, Resource: c.Resource, ResourceAccount: c.Owner, Context: c.Context,
		Identity:               sources(t, "identity", KindInline, c.Version, c.Identity),
		Boundary:               sources(t, "boundary", KindManaged, c.Version, c.Boundary),
		Session:                sources(t, "session", KindSession, c.Version, c.Session),
		ResourcePolicies:       sources(t, "resource", KindResource, c.Version, c.ResourcePolicy),
		ResourcePolicyRequired: c.Required,
	}
	if c.TrustPolicy != nil {
		req.ResourcePolicies = sources(t, "trust", KindTrust, c.Version, c.TrustPolicy)
	}
	levels := func(kind Kind, in [][]json.RawMessage) (out [][]Source) {
		for _, level := range in {
			var all []Source
			for _, p := range level {
				all = append(all, sources(t, string(kind), kind, "", p)...)
			}
			out = append(out, all)
		}
		return out
	}
	req.SCPs, req.RCPs = levels(KindSCP, c.SCPs), levels(KindRCP, c.RCPs)
	return req
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/evaluate.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []evaluateCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			req := c.request(t)
			d := Evaluate(req)
			if d.Allowed != c.Allowed {
				t.Errorf("allowed %v: %+v", d.Allowed, d)
			}
			if d.Allowed != (d.Reason == ReasonAllowed) {
				t.Errorf("allowed %v because of %s", d.Allowed, d.Reason)
			}
			if c.Type != nil && string(d.Type) != *c.Type {
				t.Errorf("decided by %q, want %q", d.Type, *c.Type)
			}
			if c.Reason != nil && string(d.Reason) != *c.Reason {
				t.Errorf("reason %q, want %q", d.Reason, *c.Reason)
			}
			if c.Denial != nil {
				if got := Denial(d, req); got != *c.Denial {
					t.Errorf("denial\n got %s\nwant %s", got, *c.Denial)
				}
			}
			req.Explain = true
			explained := Evaluate(req)
			if explained.Allowed != d.Allowed || explained.Reason != d.Reason || explained.Type != d.Type {
				t.Errorf("explained differently: %+v", explained)
			}
			checkConsidered(t, explained)
		})
	}
}

// checkConsidered wants every matching deny and grant of the decision among what was considered.
func checkConsidered(t *testing.T, d Decision) {
	t.Helper()
	if d.Statement == nil {
		return
	}
	for _, c := range d.Considered {
		if c.Statement == d.Statement && c.Matched && c.Why == "matches" && c.Type == d.Type && c.Source == d.Source {
			return
		}
	}
	t.Errorf("the deciding statement is not among the considered: %+v", d)
}

func TestEvaluate_ExplainsWhatDidNotMatch(t *testing.T) {
	t.Parallel()
	req := &Request{
		Principal: cast["bob"], Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Explain: true,
		Context: Map{"aws:sourceip": {"10.0.0.1"}},
		Identity: sources(t, "p", KindInline, "", json.RawMessage(`[
			{"Sid": "a", "Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
			{"Sid": "b", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::c/*"},
			{"Sid": "c", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}]`)),
		ResourcePolicies: sources(t, "r", KindResource, "", json.RawMessage(`[
			{"Sid": "d", "Effect": "Deny", "Principal": {"AWS": "444455556666"}, "Action": "s3:*", "Resource": "*"}]`)),
	}
	want := map[string]string{
		"a": "action does not match", "b": "resource does not match", "d": "principal does not match",
		"c": "condition does not hold: IpAddress aws:SourceIp",
	}
	d := Evaluate(req)
	if len(d.Considered) != len(want) {
		t.Fatalf("%d considered", len(d.Considered))
	}
	for _, c := range d.Considered {
		if c.Matched || c.Why != want[c.Statement.Sid] {
			t.Errorf("%s: %q, want %q", c.Statement.Sid, c.Why, want[c.Statement.Sid])
		}
	}
}

func TestAuthorizationMessage_HasTheShapeOfAWS(t *testing.T) {
	t.Parallel()
	req := &Request{
		Principal: cast["dev"], Action: "ec2:RunInstances", Resource: "*", Explain: true, Context: Map{"ec2:region": {"us-east-1"}},
		Identity: sources(t, "p", KindInline, "", json.RawMessage(`[{"Sid": "VisualEditor0", "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*"}]`)),
	}
	got, err := json.Marshal(NewAuthorizationMessage(Evaluate(req), req, []string{"ec2:Region", "ec2:Absent"}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"allowed":false,"explicitDeny":true,"matchedStatements":{"items":[{"statementId":"VisualEditor0","effect":"DENY",` +
		`"principals":{"items":[{"value":"AROAEXAMPLEEXAMPLE123"}]},"principalGroups":{"items":[]},` +
		`"actions":{"items":[{"value":"ec2:RunInstances"}]},"resources":{"items":[{"value":"*"}]},"conditions":{"items":[]}}]},` +
		`"failures":{"items":[]},"context":{"principal":{"id":"AROAEXAMPLEEXAMPLE123:alice",` +
		`"arn":"arn:aws:sts::111122223333:assumed-role/dev/alice"},"action":"ec2:RunInstances","resource":"*",` +
		`"conditions":{"items":[{"key":"ec2:Region","values":{"items":[{"value":"us-east-1"}]}}]}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
