package protocoltest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// noPermission lists the operations that refuse nobody for a lack of permissions, or not as a whole.
var noPermission = map[string]struct {
	// code is what is answered instead, none where it succeeds; body is in the answer.
	code, body, because string
}{
	"sts.GetCallerIdentity":         {"", "<Arn>" + nobody + "</Arn>", "whoever asks who it is needs no permission"},
	"sts.GetSessionToken":           {"", "<SessionToken>", "a session of the user's own has the user's permissions, that is none"},
	"sts.AssumeRoleWithSAML":        {"InvalidIdentityToken", "", "the token decides, not the caller"},
	"sts.AssumeRoleWithWebIdentity": {"InvalidIdentityToken", "", "the token decides, not the caller"},
	"s3.DeleteObjects":              {"", "<Code>AccessDenied</Code>", "each object is refused by itself"},
}

const nobody = "arn:aws:iam::" + servicetest.Account + ":user/nobody"

var denial = regexp.MustCompile(`^User: (\S+) is not authorized to perform: ([\w-]+:\w+) on resource: (.+) because no (?:identity-based|role trust) policy allows the ([\w-]+:\w+) action$`)

func TestOperations_AreDeniedToAUserWithoutPolicies(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-01")
	f := newFixture(t)
	user := f.user(t, f.call, "nobody", "")
	f.each(t, func(t *testing.T, op *aws.Operation, _ string, in any) {
		got := user.do(t, op, in, "")
		if other, listed := noPermission[op.String()]; listed {
			if got.code != other.code || !strings.Contains(got.body, other.body) || strings.Contains(got.body, "<Deleted>") {
				t.Errorf("got %d %s: %s; want %q because %s", got.status, got.code, got.message, other.code, other.because)
			}
			return
		}
		wantDenied(t, op, got)
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

// wantDenied fails the test unless an answer is a denial as the operation's protocol has it.
func wantDenied(t *testing.T, op *aws.Operation, got answer) {
	t.Helper()
	code, status := "AccessDenied", http.StatusForbidden
	if op.API.Protocols[0] == aws.ProtocolJSON {
		code, status = "AccessDeniedException", http.StatusBadRequest
	}
	if op.Method == http.MethodHead && got.status == status {
		return // without a body
	}
	m := denial.FindStringSubmatch(got.message)
	if got.code != code || got.status != status || m == nil || m[1] != nobody || m[2] != m[4] {
		t.Errorf("got %d %s: %s\n%.300s", got.status, got.code, got.message, got.body)
	}
}

// unsigned lists the operations that anonymous callers may ask for, and what they are answered.
var unsigned = map[string]struct {
	status        int
	code, because string
}{
	"sts.AssumeRoleWithSAML":        {http.StatusBadRequest, "InvalidIdentityToken", "the token decides, not the caller"},
	"sts.AssumeRoleWithWebIdentity": {http.StatusBadRequest, "InvalidIdentityToken", "the token decides, not the caller"},
	"s3.DeleteObjects":              {http.StatusOK, "", "each object is refused by itself"},
}

func TestOperations_AreDeniedToAnonymousCallers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	anonymous := &client{cloud: f.Cloud}
	f.each(t, func(t *testing.T, op *aws.Operation, _ string, in any) {
		got := anonymous.do(t, op, in, "")
		want := answer{status: http.StatusForbidden, code: "MissingAuthenticationToken", message: "Request is missing Authentication Token"}
		switch {
		case op.API.Protocols[0] == aws.ProtocolJSON:
			want.status, want.code = http.StatusBadRequest, "MissingAuthenticationTokenException"
		case op.API.Package == "s3": // which knows anonymous callers, and may let them
			want.code, want.message = "AccessDenied", "Access Denied"
		}
		if other, listed := unsigned[op.String()]; listed {
			want.status, want.code, want.message = other.status, other.code, got.message
			if got.status == http.StatusOK && (!strings.Contains(got.body, "<Code>AccessDenied</Code>") || strings.Contains(got.body, "<Deleted>")) {
				t.Errorf("got %s", got.body)
			}
		}
		if op.Method == http.MethodHead {
			want.code, want.message = "", ""
		}
		if got.body = ""; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}
