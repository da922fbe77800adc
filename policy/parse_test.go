package policy

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestParse_WordsErrorsAsAWS(t *testing.T) {
	t.Parallel()
	const ok = `"Effect":"Allow","Action":"s3:*","Resource":"*"`
	syntax := "Syntax errors in policy."
	cases := []struct {
		name string
		kind Kind
		text string
		want string // empty: no error
	}{
		{"minimal", KindInline, `{"Statement":{` + ok + `}}`, ""},
		{"everything", KindManaged, `{"Version":"2012-10-17","Id":"i","Statement":[{"Sid":"A1",` + ok + `,"Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":[10,"20"]}}}]}`, ""},
		{"not JSON", KindInline, `{"Statement":`, syntax},
		{"empty", KindInline, ``, syntax},
		{"no object", KindInline, `[]`, syntax},
		{"text behind", KindInline, `{"Statement":{` + ok + `}} x`, syntax},
		{"duplicate element", KindInline, `{"Statement":{` + ok + `,"Effect":"Deny"}}`, syntax},
		{"unknown element", KindInline, `{"Statement":{` + ok + `,"Resources":"*"}}`, syntax},
		{"unknown top element", KindInline, `{"Statements":{` + ok + `}}`, syntax},
		{"element's case", KindInline, `{"statement":{` + ok + `}}`, syntax},
		{"no statement", KindInline, `{"Version":"2012-10-17"}`, syntax},
		{"empty statements", KindInline, `{"Statement":[]}`, syntax},
		{"wrong version", KindInline, `{"Version":"2013-10-17","Statement":{` + ok + `}}`, syntax},
		{"managed needs a version", KindManaged, `{"Statement":{` + ok + `}}`, "Policy document must be version 2012-10-17 or greater."},
		{"managed needs the new version", KindManaged, `{"Version":"2008-10-17","Statement":{` + ok + `}}`, "Policy document must be version 2012-10-17 or greater."},
		{"no effect", KindInline, `{"Statement":{"Action":"s3:*","Resource":"*"}}`, syntax},
		{"effect's case", KindInline, `{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}`, "The policy failed legacy parsing"},
		{"unknown operator", KindInline, `{"Statement":{` + ok + `,"Condition":{"StringIs":{"a:b":"c"}}}}`, syntax},
		{"Null takes no IfExists", KindInline, `{"Statement":{` + ok + `,"Condition":{"NullIfExists":{"a:b":"true"}}}}`, syntax},
		{"condition value is an object", KindInline, `{"Statement":{` + ok + `,"Condition":{"StringEquals":{"a:b":{}}}}}`, syntax},
		{"bad date", KindInline, `{"Statement":{` + ok + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"yesterday"}}}}`, "The policy failed legacy parsing"},
		{"no action", KindInline, `{"Statement":{"Effect":"Allow","Resource":"*"}}`, "Policy statement must contain actions."},
		{"empty actions", KindInline, `{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}`, "Policy statement must contain actions."},
		{"action and NotAction", KindInline, `{"Statement":{` + ok + `,"NotAction":"s3:*"}}`, syntax},
		{"action without service", KindInline, `{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"action with two colons", KindInline, `{"Statement":{"Effect":"Allow","Action":"s3:a:b","Resource":"*"}}`, "Actions/Condition can contain only one colon."},
		{"bad service", KindInline, `{"Statement":{"Effect":"Allow","Action":"s_3:a","Resource":"*"}}`, "Vendor s_3 is not valid"},
		{"no resource", KindInline, `{"Statement":{"Effect":"Allow","Action":"s3:*"}}`, "Policy statement must contain resources."},
		{"resource is no ARN", KindInline, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}`, `Resource bucket must be in ARN format or "*".`},
		{"resource's partition", KindInline, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:azure:s3:::b"}}`, `Partition "azure" is not valid for resource "arn:azure:s3:::b".`},
		{"IAM has no regions", KindInline, `{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:111122223333:user/x"}}`, "IAM resource arn:aws:iam:us-east-1:111122223333:user/x cannot contain region information."},
		{"IAM resource", KindInline, `{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::111122223333:cat/x"}}`, `IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`},
		{"principal in an identity policy", KindInline, `{"Statement":{` + ok + `,"Principal":"*"}}`, "Policy document should not specify a principal."},
		{"same Sid twice", KindInline, `{"Statement":[{"Sid":"a",` + ok + `},{"Sid":"a",` + ok + `}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{"Sid with a space", KindInline, `{"Statement":{"Sid":"a b",` + ok + `}}`, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{"Sid with a space, resource", KindResource, `{"Statement":{"Sid":"a b",` + ok + `,"Principal":"*"}}`, ""},

		{"trust", KindTrust, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`, ""},
		{"trust with resource", KindTrust, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`, "Has prohibited field Resource"},
		{"trust of another service", KindTrust, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}`, "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and sts:AssumeRoleWithWebIdentity"},
		{"trust without principal", KindTrust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
		{"bad account", KindTrust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::12345678910:role/r"},"Action":"sts:AssumeRole"}}`, `Invalid principal in policy: "AWS":"arn:aws:iam::12345678910:role/r"`},
		{"principal with wildcard", KindTrust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"sts:AssumeRole"}}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"`},
		{"groups are no principals", KindTrust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:group/g"},"Action":"sts:AssumeRole"}}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:group/g"`},
		{"unknown service form", KindTrust, `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2"},"Action":"sts:AssumeRole"}}`, `Invalid principal in policy: "SERVICE":"ec2"`},
		{"principal and NotPrincipal", KindTrust, `{"Statement":{"Effect":"Deny","Principal":"*","NotPrincipal":"*","Action":"sts:AssumeRole"}}`, syntax},
		{"no principal at all", KindTrust, `{"Statement":{"Effect":"Deny","Principal":{},"Action":"sts:AssumeRole"}}`, syntax},

		{"bucket: not JSON", KindResource, `x`, "Policies must be valid JSON and the first byte must be '{'"},
		{"bucket: no principal", KindResource, `{"Statement":{` + ok + `}}`, "Missing required field Principal"},
		{"bucket: no action", KindResource, `{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}`, "Missing required field Action"},
		{"bucket: no resource", KindResource, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}`, "Missing required field Resource"},
		{"bucket: bad principal", KindResource, `{"Statement":{` + ok + `,"Principal":{"AWS":"nobody"}}}`, "Invalid principal in policy"},
		{"bucket: effect", KindResource, `{"Statement":{"Effect":"allow","Principal":"*","Action":"s3:*","Resource":"*"}}`, "Invalid effect: allow"},
		{"bucket: unknown element", KindResource, `{"Statement":{` + ok + `,"Principal":"*","Foo":1}}`, "Unknown field Foo"},
		{"SCP with principal", KindSCP, `{"Version":"2012-10-17","Statement":{` + ok + `,"Principal":"*"}}`, syntax},
		{"RCP for everyone only", KindRCP, `{"Version":"2012-10-17","Statement":{` + ok + `,"Principal":{"AWS":"111122223333"}}}`, syntax},
		{"too long", KindInline, strings.Repeat(" ", MaxText+1), "Policy document is too long."},
		{"deep", KindInline, `{"Statement":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`, syntax},
		{"invalid UTF-8", KindInline, "{\"Statement\":{" + ok + ",\"Sid\":\"\xff\"}}", syntax},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc, err := Parse(c.kind, c.text)
			if c.want == "" {
				if err != nil || doc == nil {
					t.Fatalf("%v", err)
				}
				return
			}
			var m *Malformed
			if !errors.As(err, &m) || m.Message != c.want || m.Problem == "" {
				t.Errorf("got %+v, want %s", err, c.want)
			}
		})
	}
}

func TestParse_KnowsWhereStatementsStand(t *testing.T) {
	t.Parallel()
	doc, err := Parse(KindInline, "{\n \"Statement\": [\n  {\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},\n  {\n   \"Effect\":\"Deny\",\n   \"Action\":\"*\",\"Resource\":\"*\"\n  }\n ]\n}")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ start, end Position }{
		{Position{3, 3}, Position{3, 49}},
		{Position{4, 3}, Position{7, 4}},
	} {
		if st := doc.Statements[i]; st.Start != want.start || st.End != want.end {
			t.Errorf("statement %d stands at %v to %v, want %v", i, st.Start, st.End, want)
		}
	}
}

func TestDocument_ContextKeys(t *testing.T) {
	t.Parallel()
	doc, err := Parse(KindInline, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*",
		"Condition":{"StringEquals":{"s3:Prefix":["${aws:PrincipalTag/a, 'x'}","${*}"]},"Bool":{"AWS:USERNAME":"true"}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(doc.ContextKeys(), " "); got != "aws:PrincipalTag/a aws:username s3:Prefix" {
		t.Errorf("got %s", got)
	}
}

func TestDocument_AWSPrincipals(t *testing.T) {
	t.Parallel()
	doc, err := Parse(KindTrust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":[
		"111122223333","arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:role/p/r","AIDAEXAMPLEEXAMPLE123",
		"arn:aws:sts::111122223333:assumed-role/r/s"],"Service":"ec2.amazonaws.com"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	doc.AWSPrincipals(func(v string) bool { got = append(got, v); return true })
	if strings.Join(got, " ") != "arn:aws:iam::111122223333:role/p/r AIDAEXAMPLEEXAMPLE123" {
		t.Errorf("got %v", got)
	}
}

func TestSize_LeavesOutWhiteSpace(t *testing.T) {
	t.Parallel()
	if n := Size(" { \"é\":\n\t1 } "); n != 7 {
		t.Errorf("got %d", n)
	}
}

func TestCache_ParsesEachKindOnce(t *testing.T) {
	t.Parallel()
	var c Cache
	const text = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	a, err := c.Parse(KindInline, text)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := c.Parse(KindInline, text); a != b {
		t.Error("parsed twice")
	}
	if b, _ := c.Parse(KindManaged, text); a == b || b.Kind != KindManaged {
		t.Error("the kinds are mixed up")
	}
	if _, err := c.Parse(KindResource, text); err == nil {
		t.Error("a bucket policy without principal")
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/evaluate.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333"]},"Action":"s3:*","Resource":"arn:aws:s3:::${a:b, 'c}'}/*","Condition":{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}}]}`)
	f.Add(`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":["*"],"NotResource":"${","Condition":{"ArnLike":{"a":"arn:*"},"Null":{"b":true}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []Kind{KindInline, KindTrust, KindResource} {
			doc, err := Parse(kind, text)
			if err != nil {
				var m *Malformed
				if !errors.As(err, &m) || m.Message == "" {
					t.Fatalf("%v", err)
				}
				continue
			}
			doc.ContextKeys()
			src := []Source{{"p", doc}}
			for _, p := range cast {
				req := Request{Principal: p, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Identity: src, ResourcePolicies: src, Explain: true,
					Context: Map{"a": {"arn:aws:s3:::b"}, "a:b": {"x"}}}
				Denial(Evaluate(&req), &req)
			}
		}
	})
}
