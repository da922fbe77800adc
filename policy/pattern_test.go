package policy

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// slowMatch is what "*" and "?" mean, by definition.
func slowMatch(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return slowMatch(p[1:], s) || len(s) > 0 && slowMatch(p, s[1:])
	default:
		return len(s) > 0 && (p[0] == '?' || p[0] == s[0]) && slowMatch(p[1:], s[1:])
	}
}

func TestMatch_AgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab€*?")), 0, 10, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.SampledFrom([]rune("ab€é")), 0, 12, -1).Draw(t, "text")
		if got, want := Match(p, s), slowMatch([]rune(p), []rune(s)); got != want {
			t.Fatalf("Match(%q, %q) = %v", p, s, got)
		}
		if got, want := MatchAction(strings.ToUpper(p), s), slowMatch([]rune(p), []rune(s)); got != want && !strings.Contains(s, "é") {
			t.Fatalf("MatchAction(%q, %q) = %v", strings.ToUpper(p), s, got)
		}
	})
}

func TestMatchARN_ComparesPartByPart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, arn string
		want         bool
	}{
		{"*", "arn:aws:s3:::b", true},
		{"*", "*", true},
		{"arn:aws:s3:::b", "*", false},
		{"arn:aws:s3:::*", "arn:aws:s3:::b/a:b/c", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b", false},
		{"arn:aws:logs:*:*:log-group:/aws/*:log-stream:*", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/x:log-stream:y", true},
		{"arn:aws:logs:*", "arn:aws:logs:us-east-1:111122223333:log-group:g", true},
		{"arn:*", "arn:aws:logs:us-east-1:111122223333:log-group:g", true},
		{"arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/x", true},
		{"arn:aws:iam::*role/x", "arn:aws:iam::111122223333:role/x", false},
		{"arn:aws:ec2:us-east-?:*:instance/i-*", "arn:aws:ec2:us-east-1:1:instance/i-1", true},
		{"arn:aws:ec2:us-east-?:*:instance/i-*", "arn:aws:ec2:us-west-1:1:instance/i-1", false},
	} {
		if got := MatchARN(c.pattern, c.arn); got != c.want {
			t.Errorf("MatchARN(%q, %q) = %v", c.pattern, c.arn, got)
		}
	}
}

func TestMatch_IsFastOnHostilePatterns(t *testing.T) {
	t.Parallel()
	if Match(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 2000)) {
		t.Error("matched")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXXbYc", "bob")
	f.Add("${a:b}*", "bob/x", "bob")
	f.Add("${a:b, 'x}'}${*}${", "x}*${", "\xff")
	f.Fuzz(func(t *testing.T, text, s, value string) {
		p := compile(text, true, true)
		p.match(s, Map{"a:b": {value}})
		a := compileARN(text, true)
		g := splitARN(s)
		a.match(s, &g, Map{"a:b": {value}})
		plain := compile(text, false, false)
		if !utf8.ValidString(text) {
			return
		}
		if plain.match(s, nil) != (text == s) {
			t.Fatalf("plain %q and %q", text, s)
		}
	})
}

// genPolicy draws statements over a few actions, resources and callers.
func genPolicy(kind Kind) *rapid.Generator[*Document] {
	return rapid.Custom(func(t *rapid.T) *Document {
		n := rapid.IntRange(1, 3).Draw(t, "statements")
		var list []string
		for range n {
			s := fmt.Sprintf(`{"Effect":%q,"Action":%q`,
				rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect"),
				rapid.SampledFrom([]string{"sqs:A", "sqs:B", "sqs:*", "*"}).Draw(t, "action"))
			if kind != KindTrust {
				s += fmt.Sprintf(`,"Resource":%q`, rapid.SampledFrom([]string{"*", "arn:aws:sqs:::q", "arn:aws:sqs:::r"}).Draw(t, "resource"))
			}
			if kind == KindResource {
				s += fmt.Sprintf(`,"Principal":{"AWS":%q}`, rapid.SampledFrom([]string{
					"*", home, away, "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:role/dev",
					"arn:aws:sts::111122223333:assumed-role/dev/alice"}).Draw(t, "principal"))
			}
			list = append(list, s+"}")
		}
		doc, err := Parse(kind, `{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`)
		if err != nil {
			t.Fatalf("%v", err)
		}
		return doc
	})
}

func genRequest(t *rapid.T) *Request {
	some := func(kind Kind, name string) []Source {
		var out []Source
		for _, d := range rapid.SliceOfN(genPolicy(kind), 0, 2).Draw(t, name) {
			out = append(out, Source{name, d})
		}
		return out
	}
	req := &Request{
		Principal:       cast[rapid.SampledFrom([]string{"root", "bob", "eve", "dev", "fed", "codebuild", "anonymous"}).Draw(t, "caller")],
		Action:          rapid.SampledFrom([]string{"sqs:A", "sqs:B"}).Draw(t, "action"),
		Resource:        "arn:aws:sqs:::q",
		ResourceAccount: home,
		Identity:        some(KindInline, "identity"), Boundary: some(KindManaged, "boundary"), Session: some(KindSession, "session"),
		ResourcePolicies:       some(KindResource, "resource"),
		ResourcePolicyRequired: rapid.Bool().Draw(t, "required"),
	}
	if scp := some(KindSCP, "scp"); scp != nil {
		req.SCPs = [][]Source{scp}
	}
	return req
}

func statements(t *rapid.T, kind Kind, text string) Source {
	doc, err := Parse(kind, `{"Version":"2012-10-17","Statement":`+text+`}`)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return Source{"added", doc}
}

func TestEvaluate_DenyAlwaysWins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		req := genRequest(t)
		req.ResourcePolicies = append(req.ResourcePolicies, statements(t, KindResource, `{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}`))
		if d := Evaluate(req); d.Allowed || d.Reason != ReasonExplicitDeny {
			t.Fatalf("%+v", d)
		}
	})
}

func TestEvaluate_MoreAllowsNeverTakeAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		req := genRequest(t)
		before := Evaluate(req)
		allow := `{"Effect":"Allow","Action":"*","Resource":"*"}`
		switch rapid.IntRange(0, 3).Draw(t, "where") {
		case 0:
			req.Identity = append(req.Identity, statements(t, KindInline, allow))
		case 1:
			if req.Boundary != nil {
				req.Boundary = append(req.Boundary, statements(t, KindManaged, allow))
			}
		case 2:
			req.ResourcePolicies = append(req.ResourcePolicies, statements(t, KindResource, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}`))
		case 3:
			req.Session = append(req.Session, statements(t, KindSession, allow))
		}
		after := Evaluate(req)
		if before.Allowed && !after.Allowed {
			t.Fatalf("before %+v, after %+v", before, after)
		}
		if (before.Reason == ReasonExplicitDeny) != (after.Reason == ReasonExplicitDeny) {
			t.Fatalf("an allow changed a deny: before %+v, after %+v", before, after)
		}
	})
}

func TestEvaluate_ExplainingChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		req := genRequest(t)
		plain := Evaluate(req)
		req.Explain = true
		explained := Evaluate(req)
		if plain.Allowed != explained.Allowed || plain.Reason != explained.Reason || plain.Type != explained.Type || plain.Statement != explained.Statement {
			t.Fatalf("plain %+v, explained %+v", plain, explained)
		}
	})
}
