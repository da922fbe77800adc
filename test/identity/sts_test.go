package identity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/ledger"
	"drydock/policy/session"
	"drydock/service"
	iamservice "drydock/service/iam"
	"drydock/service/servicetest"
	"drydock/service/sts"
)

const (
	other    = "444455556666"
	adminARN = "arn:aws:iam::aws:policy/AdministratorAccess"
	readARN  = "arn:aws:iam::aws:policy/ReadOnlyAccess"
)

// cloud is one with IAM and STS whose tokens can be opened.
type cloud struct {
	*servicetest.Cloud
	sessions *session.Issuer
}

func newCloud(t testing.TB) (*cloud, *aws.Call) {
	t.Helper()
	c := &cloud{}
	c.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		c.sessions = d.Sessions
		return []service.Module{iamservice.New(d), sts.New(d)}
	})
	return c, c.Call(t)
}

func do[In, Out any](t testing.TB, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	out, err := op.Do(call, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return out
}

func refuse[In, Out any](t testing.TB, op aws.Op[In, Out], call *aws.Call, in *In, code, message string) {
	t.Helper()
	_, err := op.Do(call, in)
	servicetest.WantError(t, err, code)
	if err != nil && !strings.Contains(err.Error(), message) {
		t.Errorf("%s: error %q, want %q in it", op.Name, err, message)
	}
}

// trust is a trust policy for a principal, with more members of the statement.
func trust(principal string, more ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},`+
		`"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]%s}]}`, principal, strings.Join(more, ""))
}

func allow(action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, resource)
}

func createRole(t testing.TB, call *aws.Call, name, trust string) iam.Role {
	t.Helper()
	return do(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust}).Role
}

// user makes a user with a policy, none if it is empty, and returns a call by it.
func (c *cloud) user(t testing.TB, call *aws.Call, name, document string) *aws.Call {
	t.Helper()
	u := do(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: name}).User
	if document != "" {
		do(t, iam.PutUserPolicy, call, &iam.PutUserPolicyInput{UserName: name, PolicyName: "p", PolicyDocument: document})
	}
	p := aws.Principal{Type: aws.PrincipalUser, Account: call.Account, ARN: u.ARN, ID: u.UserID, Name: u.UserName}
	return c.CallAs(t, p, call.Region)
}

// with returns a call with temporary credentials.
func (c *cloud) with(t testing.TB, k *api.Credentials) *aws.Call {
	t.Helper()
	p, err := c.sessions.Open(k.AccessKeyID, k.SessionToken, c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c.CallAs(t, p, servicetest.Region)
}

// assume assumes a role as "s" and returns a call by the session.
func (c *cloud) assume(t testing.TB, call *aws.Call, role string, change ...func(*api.AssumeRoleInput)) *aws.Call {
	t.Helper()
	in := &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1"}
	for _, f := range change {
		f(in)
	}
	return c.with(t, do(t, api.AssumeRole, call, in).Credentials)
}

func TestAssumeRole_TrustAndPermission(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-02")
	c, call := newCloud(t)
	foreign := c.CallIn(t, other, servicetest.Region)
	plain := c.user(t, call, "plain", "")
	allowed := c.user(t, call, "allowed", allow("sts:AssumeRole", "*"))
	stranger := c.user(t, foreign, "stranger", "")
	guest := c.user(t, foreign, "guest", allow("sts:AssumeRole", "*"))
	root := "arn:aws:iam::" + servicetest.Account + ":root"
	for i, test := range []struct {
		trust string
		want  string // who may: p(lain) a(llowed) s(tranger) g(uest)
	}{
		{trust(plain.Principal.ARN), "p"},
		{trust(root), "a"},
		{trust(servicetest.Account), "a"},
		{trust(other), "g"},
		{trust(stranger.Principal.ARN), ""},
		{trust(guest.Principal.ARN), "g"},
		{trust("*"), "pag"},
		{trust(root, `,"Condition":{"StringEquals":{"sts:ExternalId":"x"}}`), ""},
		{trust("arn:aws:iam::999999999999:root"), ""},
	} {
		role := createRole(t, call, fmt.Sprintf("r%d", i), test.trust)
		got := ""
		for _, who := range []*aws.Call{plain, allowed, stranger, guest} {
			_, err := api.AssumeRole.Do(who, &api.AssumeRoleInput{RoleARN: role.ARN, RoleSessionName: "s1"})
			if err == nil {
				got += who.Principal.Name[:1]
			} else if !aws.IsError(err, "AccessDenied") {
				t.Error(err)
			}
		}
		if got != test.want {
			t.Errorf("%s admits %q, want %q", test.trust, got, test.want)
		}
	}
	// The credentials work across accounts.
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "r3", PolicyARN: readARN})
	s := c.assume(t, guest, "arn:aws:iam::111122223333:role/r3")
	if got := do(t, iam.ListUsers, s, &iam.ListUsersInput{}); len(got.Users) != 2 {
		t.Errorf("users %+v", got.Users)
	}
	refuse(t, iam.CreateUser, s, &iam.CreateUserInput{UserName: "x"}, "AccessDenied", "arn:aws:sts::111122223333:assumed-role/r3/s1")
	// A role that does not exist is denied like one that does not trust.
	refuse(t, api.AssumeRole, allowed, &api.AssumeRoleInput{RoleARN: "arn:aws:iam::111122223333:role/none", RoleSessionName: "s1"}, "AccessDenied", "")
	refuse(t, api.AssumeRole, allowed, &api.AssumeRoleInput{RoleARN: "arn:aws:iam::111122223333:role/path/r1", RoleSessionName: "s1"}, "AccessDenied", "")
	refuse(t, api.AssumeRole, call, &api.AssumeRoleInput{RoleARN: "arn:aws:iam::111122223333:role/r1", RoleSessionName: "s1"}, "AccessDenied",
		"Roles may not be assumed by root accounts.")
	// A key that was not issued here is root for convenience only: suites written for other stand-ins assume roles with it.
	local := *call
	local.Principal.Local = true
	if _, err := api.AssumeRole.Do(&local, &api.AssumeRoleInput{RoleARN: "arn:aws:iam::111122223333:role/r1", RoleSessionName: "s1"}); err != nil {
		t.Errorf("the local root: %v", err)
	}
	// What is done to a role has nothing to do with its trust policy.
	if _, err := iam.GetRole.Do(plain, &iam.GetRoleInput{RoleName: "r0"}); !aws.IsError(err, "AccessDenied") {
		t.Errorf("GetRole: %v", err)
	}
}

func TestAssumeRole_ServicesNeedTrustToo(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	role := createRole(t, call, "r", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	s := c.assume(t, call.As(aws.ServicePrincipal("codebuild.amazonaws.com", call.Account)), role.ARN)
	if got := *do(t, api.GetCallerIdentity, s, &api.GetCallerIdentityInput{}); *got.ARN != "arn:aws:sts::111122223333:assumed-role/r/s1" ||
		*got.UserID != role.RoleID+":s1" || *got.Account != call.Account {
		t.Errorf("identity %+v", got)
	}
	refuse(t, api.AssumeRole, call.As(aws.ServicePrincipal("ec2.amazonaws.com", call.Account)),
		&api.AssumeRoleInput{RoleARN: role.ARN, RoleSessionName: "s1"}, "AccessDenied", "")
}

func TestAssumeRole_SessionEnds(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-03")
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	role := createRole(t, call, "r", trust(u.Principal.ARN))
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "r", PolicyARN: adminARN})
	out := do(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: role.ARN, RoleSessionName: "s1", DurationSeconds: new(int32(900))})
	if k := out.Credentials; !k.Expiration.Equal(servicetest.Start.Add(15*time.Minute)) || !strings.HasPrefix(k.AccessKeyID, "ASIA") {
		t.Errorf("credentials %+v", k)
	}
	s := c.with(t, out.Credentials)
	do(t, iam.ListUsers, s, &iam.ListUsersInput{})
	// Deleting the role ends its sessions, and a new role of the name does not revive them.
	do(t, iam.DetachRolePolicy, call, &iam.DetachRolePolicyInput{RoleName: "r", PolicyARN: adminARN})
	do(t, iam.DeleteRole, call, &iam.DeleteRoleInput{RoleName: "r"})
	createRole(t, call, "r", trust(u.Principal.ARN))
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "r", PolicyARN: adminARN})
	refuse(t, iam.ListUsers, s, &iam.ListUsersInput{}, "AccessDenied", "")
	c.Advance(t, 15*time.Minute)
	if _, err := c.sessions.Open(out.Credentials.AccessKeyID, out.Credentials.SessionToken, c.Clock.Now()); err != session.ErrExpired {
		t.Errorf("open after expiration: %v", err)
	}
}

func TestAssumeRole_Durations(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	long := do(t, iam.CreateRole, call, &iam.CreateRoleInput{
		RoleName: "long", AssumeRolePolicyDocument: trust(servicetest.Account), MaxSessionDuration: new(int32(7200)),
	}).Role.ARN
	first := createRole(t, call, "first", trust(u.Principal.ARN)).ARN
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "first", PolicyARN: adminARN})
	do(t, iam.AttachUserPolicy, call, &iam.AttachUserPolicyInput{UserName: "u", PolicyARN: adminARN})
	seconds := func(n int32) func(*api.AssumeRoleInput) {
		return func(in *api.AssumeRoleInput) { in.DurationSeconds = &n }
	}
	c.assume(t, u, long, seconds(7200))
	refuse(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: long, RoleSessionName: "s1", DurationSeconds: new(int32(7201))}, "ValidationError",
		"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	refuse(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: long, RoleSessionName: "s1", DurationSeconds: new(int32(899))}, "ValidationError", "")
	s := c.assume(t, u, first)
	refuse(t, api.AssumeRole, s, &api.AssumeRoleInput{RoleARN: long, RoleSessionName: "s2", DurationSeconds: new(int32(3601))}, "ValidationError",
		"1 hour session limit")
	chained := c.assume(t, s, long)
	if !chained.Principal.Session.Chained || chained.Principal.Session.Expires != servicetest.Start.Add(time.Hour) {
		t.Errorf("session %+v", chained.Principal.Session)
	}
}

func TestAssumeRole_SessionPolicies(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	role := createRole(t, call, "r", trust(u.Principal.ARN)).ARN
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "r", PolicyARN: adminARN})
	inline := c.assume(t, u, role, func(in *api.AssumeRoleInput) { in.Policy = new(allow("iam:ListUsers", "*")) })
	do(t, iam.ListUsers, inline, &iam.ListUsersInput{})
	refuse(t, iam.ListRoles, inline, &iam.ListRolesInput{}, "AccessDenied", "no session policy allows")
	managed := c.assume(t, u, role, func(in *api.AssumeRoleInput) { in.PolicyARNs = []api.PolicyDescriptorType{{ARN: new(readARN)}} })
	do(t, iam.ListRoles, managed, &iam.ListRolesInput{})
	refuse(t, iam.CreateUser, managed, &iam.CreateUserInput{UserName: "x"}, "AccessDenied", "no session policy allows")
	out := do(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1", Policy: new(allow("iam:ListUsers", "*"))})
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 20 {
		t.Errorf("packed size %v", out.PackedPolicySize)
	}
	for _, test := range []struct {
		name, code, message string
		change              func(*api.AssumeRoleInput)
	}{
		{"malformed", "MalformedPolicyDocument", "", func(in *api.AssumeRoleInput) { in.Policy = new("{}") }},
		{"too long", "ValidationError", "2048", func(in *api.AssumeRoleInput) { in.Policy = new(allow("s3:*", strings.Repeat("*", 2048))) }},
		{"unknown policy", "MalformedPolicyDocument", "none", func(in *api.AssumeRoleInput) {
			in.PolicyARNs = []api.PolicyDescriptorType{{ARN: new("arn:aws:iam::111122223333:policy/none")}}
		}},
		{"second factor", "AccessDenied", "MultiFactorAuthentication failed", func(in *api.AssumeRoleInput) {
			in.SerialNumber, in.TokenCode = new("arn:aws:iam::111122223333:mfa/u"), new("123456")
		}},
	} {
		in := &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1"}
		test.change(in)
		t.Log(test.name)
		refuse(t, api.AssumeRole, u, in, test.code, test.message)
	}
}

func TestAssumeRole_TagsAndSourceIdentity(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	do(t, iam.AttachUserPolicy, call, &iam.AttachUserPolicyInput{UserName: "u", PolicyARN: adminARN})
	byTag := trust(servicetest.Account, `,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}`)
	first := createRole(t, call, "first", trust(u.Principal.ARN)).ARN
	do(t, iam.TagRole, call, &iam.TagRoleInput{RoleName: "first", Tags: []iam.Tag{{Key: "cost", Value: "1"}, {Key: "TEAM", Value: "blue"}}})
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "first", PolicyARN: adminARN})
	second := createRole(t, call, "second", byTag).ARN
	refuse(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: second, RoleSessionName: "s1"}, "AccessDenied", "")
	s := c.assume(t, u, first, func(in *api.AssumeRoleInput) {
		in.Tags = []api.Tag{{Key: "team", Value: "red"}, {Key: "x", Value: "y"}}
		in.TransitiveTagKeys, in.SourceIdentity = []string{"team"}, new("ann")
	})
	if got := fmt.Sprint(s.Principal.Tags); got != "map[cost:1 team:red x:y]" {
		t.Errorf("tags %s", got)
	}
	next := c.assume(t, s, second)
	if got := fmt.Sprint(next.Principal.Tags, next.Principal.Session.TransitiveTagKeys, next.Principal.Session.SourceIdentity); got != "map[team:red] [team]ann" {
		t.Errorf("chained: %s", got)
	}
	refuse(t, api.AssumeRole, s, &api.AssumeRoleInput{RoleARN: second, RoleSessionName: "s1", Tags: []api.Tag{{Key: "Team", Value: "blue"}}},
		"InvalidParameterValue", "transitive")
	refuse(t, api.AssumeRole, s, &api.AssumeRoleInput{RoleARN: second, RoleSessionName: "s1", SourceIdentity: new("bob")}, "AccessDenied", "")
	refuse(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: first, RoleSessionName: "s1", TransitiveTagKeys: []string{"z"}}, "InvalidParameterValue", "")
	// Tags need a permission of their own.
	plain := createRole(t, call, "plain", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`).ARN
	c.assume(t, u, plain)
	refuse(t, api.AssumeRole, u, &api.AssumeRoleInput{RoleARN: plain, RoleSessionName: "s1", Tags: []api.Tag{{Key: "a", Value: "b"}}},
		"AccessDenied", "sts:TagSession")
}

func TestAssumeRole_ExternalID(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	guest := c.user(t, c.CallIn(t, other, servicetest.Region), "guest", allow("sts:AssumeRole", "*"))
	role := createRole(t, call, "r", trust(other, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret-7"}}`)).ARN
	c.assume(t, guest, role, func(in *api.AssumeRoleInput) { in.ExternalID = new("secret-7") })
	for _, id := range []*string{nil, new("secret-8")} {
		refuse(t, api.AssumeRole, guest, &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1", ExternalID: id}, "AccessDenied", "")
	}
}

func TestTrust_FollowsThePrincipalNotItsName(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	role := createRole(t, call, "r", trust(u.Principal.ARN)).ARN
	do(t, iam.DeleteUser, call, &iam.DeleteUserInput{UserName: "u"})
	again := c.user(t, call, "u", "")
	refuse(t, api.AssumeRole, again, &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1"}, "AccessDenied", "")
	do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "r", PolicyDocument: trust(again.Principal.ARN)})
	c.assume(t, again, role)
}

func TestUserSessions(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", allow("*", "*"))
	own := c.with(t, do(t, api.GetSessionToken, u, &api.GetSessionTokenInput{}).Credentials)
	if got := own.Principal; got.ARN != u.Principal.ARN || !got.Session.Expires.Equal(servicetest.Start.Add(12*time.Hour)) {
		t.Errorf("session %+v", got)
	}
	role := createRole(t, call, "r", trust(u.Principal.ARN)).ARN
	c.assume(t, own, role)
	refuse(t, api.GetSessionToken, own, &api.GetSessionTokenInput{}, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	root := do(t, api.GetSessionToken, call, &api.GetSessionTokenInput{DurationSeconds: new(int32(7200))}).Credentials
	if !root.Expiration.Equal(servicetest.Start.Add(time.Hour)) {
		t.Errorf("root's session ends %s", root.Expiration)
	}

	fed := do(t, api.GetFederationToken, u, &api.GetFederationTokenInput{Name: "ann", Policy: new(allow("sts:GetSessionToken", "*"))})
	if fed.FederatedUser.ARN != "arn:aws:sts::111122223333:federated-user/ann" || fed.FederatedUser.FederatedUserID != "111122223333:ann" {
		t.Errorf("federated user %+v", fed.FederatedUser)
	}
	// Neither session may use IAM, and a federated user's no role either, whatever their policies say.
	f := c.with(t, fed.Credentials)
	refuse(t, iam.ListUsers, own, &iam.ListUsersInput{}, "InvalidClientTokenId", "The security token included in the request is invalid")
	refuse(t, iam.ListUsers, f, &iam.ListUsersInput{}, "AccessDenied", "no session policy allows")
	wide := c.with(t, do(t, api.GetFederationToken, u, &api.GetFederationTokenInput{Name: "bob", Policy: new(allow("*", "*"))}).Credentials)
	refuse(t, iam.ListUsers, wide, &iam.ListUsersInput{}, "InvalidClientTokenId", "")
	open := createRole(t, call, "any", trust("*")).ARN
	refuse(t, api.AssumeRole, wide, &api.AssumeRoleInput{RoleARN: open, RoleSessionName: "s1"}, "AccessDenied", "federated user")
	refuse(t, api.GetFederationToken, own, &api.GetFederationTokenInput{Name: "ann"}, "AccessDenied", "")
	refuse(t, api.GetFederationToken, c.user(t, call, "weak", ""), &api.GetFederationTokenInput{Name: "ann"}, "AccessDenied",
		"sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/ann")
}

func TestAccessKeyInfo(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", allow("*", "*"))
	key := do(t, iam.CreateAccessKey, call, &iam.CreateAccessKeyInput{UserName: new("u")}).AccessKey.AccessKeyID
	lent := do(t, api.GetSessionToken, u, &api.GetSessionTokenInput{}).Credentials.AccessKeyID
	for _, id := range []string{key, lent} {
		if got := *do(t, api.GetAccessKeyInfo, u, &api.GetAccessKeyInfoInput{AccessKeyID: id}).Account; got != servicetest.Account {
			t.Errorf("%s belongs to %s", id, got)
		}
	}
	refuse(t, api.GetAccessKeyInfo, call, &api.GetAccessKeyInfoInput{AccessKeyID: "AKIA1111111111111111"}, "ValidationError", "")
}
