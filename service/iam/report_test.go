package iam_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/service/servicetest"
)

// report makes the credential report and returns it by user and column.
func report(t testing.TB, c *servicetest.Cloud, call *aws.Call) map[string]map[string]string {
	t.Helper()
	do(t, api.GenerateCredentialReport, call, &api.GenerateCredentialReportInput{})
	c.WaitIdle(t)
	out := do(t, api.GetCredentialReport, call, &api.GetCredentialReportInput{})
	rows, err := csv.NewReader(strings.NewReader(string(out.Content))).ReadAll()
	if err != nil || *out.ReportFormat != "text/csv" || !out.GeneratedTime.Equal(c.Clock.Now()) {
		t.Fatalf("report %s, %v", out.Content, err)
	}
	users := map[string]map[string]string{}
	for _, row := range rows[1:] {
		users[row[0]] = map[string]string{}
		for i, column := range rows[0] {
			users[row[0]][column] = row[i]
		}
	}
	return users
}

func TestCredentialReport_TellsOfEveryUser(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	refuse(t, api.GetCredentialReport, call, &api.GetCredentialReportInput{}, "ReportNotPresent", "")
	createUser(t, call, "alice")
	createUser(t, call, "bob")
	do(t, api.UpdateAccountPasswordPolicy, call, &api.UpdateAccountPasswordPolicyInput{MaxPasswordAge: new(int32(30))})
	do(t, api.CreateLoginProfile, call, &api.CreateLoginProfileInput{UserName: new("alice"), Password: new("Password-1")})
	if err := newDevice(t, call, "d").enable(call, "alice", c.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	do(t, api.UploadSigningCertificate, call, &api.UploadSigningCertificateInput{UserName: new("alice"), CertificateBody: file(t, "leaf.pem")})
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "alice", PolicyName: "p", PolicyDocument: allowAll})
	alice := caller(t, c, call, "alice")
	c.Advance(t, time.Hour)
	do(t, api.ListUsers, alice, &api.ListUsersInput{})
	if out := do(t, api.GenerateCredentialReport, call, &api.GenerateCredentialReportInput{}); *out.State != "STARTED" || out.Description == nil {
		t.Errorf("report %+v", out)
	}
	refuse(t, api.GetCredentialReport, call, &api.GetCredentialReportInput{}, "ReportInProgress", "")
	if out := do(t, api.GenerateCredentialReport, call, &api.GenerateCredentialReportInput{}); *out.State != "INPROGRESS" {
		t.Errorf("report %+v", out)
	}
	users := report(t, c, call)
	for user, columns := range map[string]map[string]string{
		"<root_account>": {"arn": "arn:aws:iam::111122223333:root", "password_enabled": "not_supported", "mfa_active": "false", "access_key_1_active": "false"},
		"alice": {
			"arn": "arn:aws:iam::111122223333:user/alice", "user_creation_time": "2026-01-02T03:04:05+00:00", "password_enabled": "true",
			"password_last_used": "no_information", "password_last_changed": "2026-01-02T03:04:05+00:00", "password_next_rotation": "2026-02-01T03:04:05+00:00",
			"mfa_active": "true", "access_key_1_active": "true", "access_key_1_last_rotated": "2026-01-02T03:04:05+00:00",
			"access_key_1_last_used_date": "2026-01-02T04:04:05+00:00", "access_key_1_last_used_region": "us-east-1", "access_key_1_last_used_service": "iam",
			"access_key_2_active": "false", "access_key_2_last_used_date": "N/A", "cert_1_active": "true", "cert_2_active": "false",
		},
		"bob": {"password_enabled": "false", "password_last_changed": "N/A", "mfa_active": "false", "access_key_1_last_rotated": "N/A", "cert_1_last_rotated": "N/A"},
	} {
		for column, want := range columns {
			if got := users[user][column]; got != want {
				t.Errorf("%s of %s: %q, want %q", column, user, got, want)
			}
		}
	}
	if len(users) != 3 || len(users["bob"]) != 22 {
		t.Errorf("%d users, %d columns", len(users), len(users["bob"]))
	}
	// The root user's key is followed as well.
	key := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{}).AccessKey
	root := *call
	root.Principal.AccessKeyID = key.AccessKeyID
	do(t, api.ListUsers, &root, &api.ListUsersInput{})
	if used := do(t, api.GetAccessKeyLastUsed, call, &api.GetAccessKeyLastUsedInput{AccessKeyID: key.AccessKeyID}).AccessKeyLastUsed; used.ServiceName != "iam" || !used.LastUsedDate.Equal(c.Clock.Now()) {
		t.Errorf("root's key: %+v", used)
	}
	// A report is good for four hours.
	if out := do(t, api.GenerateCredentialReport, call, &api.GenerateCredentialReportInput{}); *out.State != "COMPLETE" {
		t.Errorf("report %+v", out)
	}
	c.Advance(t, 4*time.Hour)
	refuse(t, api.GetCredentialReport, call, &api.GetCredentialReportInput{}, "ReportExpired", "")
	report(t, c, call)
}

// advisor makes a report of access advisor and returns its services.
func advisor(t testing.TB, c *servicetest.Cloud, call *aws.Call, arn string, granularity api.AccessAdvisorUsageGranularityType) (job string, services map[string]api.ServiceLastAccessed) {
	t.Helper()
	job = *do(t, api.GenerateServiceLastAccessedDetails, call, &api.GenerateServiceLastAccessedDetailsInput{ARN: arn, Granularity: &granularity}).JobID
	if out := do(t, api.GetServiceLastAccessedDetails, call, &api.GetServiceLastAccessedDetailsInput{JobID: job}); out.JobStatus != "IN_PROGRESS" {
		t.Errorf("report %+v", out)
	}
	c.WaitIdle(t)
	services = map[string]api.ServiceLastAccessed{}
	in := &api.GetServiceLastAccessedDetailsInput{JobID: job}
	for more := true; more; more = in.Marker != nil {
		out := do(t, api.GetServiceLastAccessedDetails, call, in)
		if out.JobStatus != "COMPLETED" || *out.JobType != granularity {
			t.Errorf("report %+v", out)
		}
		for _, s := range out.ServicesLastAccessed {
			services[s.ServiceNamespace] = s
		}
		in.Marker = out.Marker
	}
	return job, services
}

func TestAccessAdvisor_TellsWhatWasUsed(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	alice, bob := createUser(t, call, "alice"), createUser(t, call, "bob")
	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:List*","s3:GetObject"],"Resource":"*"},{"Effect":"Deny","Action":"sqs:*","Resource":"*"}]}`
	arn := *do(t, api.CreatePolicy, call, &api.CreatePolicyInput{PolicyName: "p", PolicyDocument: own}).Policy.ARN
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AttachGroupPolicy, call, &api.AttachGroupPolicyInput{GroupName: "g", PolicyARN: arn})
	for _, u := range []string{"alice", "bob"} {
		do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: u})
	}
	first := caller(t, c, call, "alice")
	c.Advance(t, time.Hour)
	do(t, api.ListUsers, first, &api.ListUsersInput{})
	c.Advance(t, 10*time.Minute)
	do(t, api.ListRoles, first, &api.ListRolesInput{})
	refuse(t, api.GetUser, first, &api.GetUserInput{}, "AccessDenied", "")
	last := c.Clock.Now()
	for name, of := range map[string]struct {
		arn      string
		entities int
	}{"user": {alice.ARN, 1}, "group": {"arn:aws:iam::111122223333:group/g", 1}, "policy": {arn, 1}} {
		job, services := advisor(t, c, call, of.arn, "ACTION_LEVEL")
		used, ok := services["iam"]
		if len(services) != 2 || !ok || services["s3"].LastAuthenticated != nil || *services["s3"].TotalAuthenticatedEntities != 0 || services["s3"].ServiceName != "Amazon S3" {
			t.Fatalf("%s: %+v", name, services)
		}
		// Attempts count, whether they succeed or not.
		if !used.LastAuthenticated.Equal(last) || *used.LastAuthenticatedEntity != alice.ARN || *used.LastAuthenticatedRegion != "us-east-1" || *used.TotalAuthenticatedEntities != 1 {
			t.Errorf("%s: %+v", name, used)
		}
		var actions []string
		for _, a := range used.TrackedActionsLastAccessed {
			actions = append(actions, *a.ActionName+" "+a.LastAccessedTime.Format("15:04"))
		}
		if fmt.Sprint(actions) != "[GetUser 04:14 ListRoles 04:14 ListUsers 04:04]" {
			t.Errorf("%s: %v", name, actions)
		}
		with := do(t, api.GetServiceLastAccessedDetailsWithEntities, call, &api.GetServiceLastAccessedDetailsWithEntitiesInput{JobID: job, ServiceNamespace: "iam"})
		got := ""
		for _, e := range with.EntityDetailsList {
			got += fmt.Sprint(e.EntityInfo.Name, e.EntityInfo.Type, e.LastAuthenticated != nil, " ")
		}
		if want := map[string]string{"user": "aliceUSERtrue ", "group": "aliceUSERtrue bobUSERfalse ", "policy": "aliceUSERtrue bobUSERfalse "}[name]; got != want {
			t.Errorf("%s: entities %s", name, got)
		}
		refuse(t, api.GetServiceLastAccessedDetailsWithEntities, call, &api.GetServiceLastAccessedDetailsWithEntitiesInput{JobID: job, ServiceNamespace: "sqs"}, "InvalidInput", "")
	}
	// Everything is allowed to whom everything is allowed, and it comes in pages.
	createRole(t, call, "r", trustEC2)
	do(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: adminARN})
	job, services := advisor(t, c, call, "arn:aws:iam::111122223333:role/r", "SERVICE_LEVEL")
	if len(services) < 300 || services["iam"].LastAuthenticated != nil {
		t.Errorf("%d services", len(services))
	}
	refuse(t, api.GenerateServiceLastAccessedDetails, call, &api.GenerateServiceLastAccessedDetailsInput{ARN: "arn:aws:iam::111122223333:role/none"}, "NoSuchEntity", "")
	refuse(t, api.GenerateServiceLastAccessedDetails, call, &api.GenerateServiceLastAccessedDetailsInput{ARN: "arn:aws:s3:::bucket-name"}, "InvalidInput", "")
	refuse(t, api.GetServiceLastAccessedDetails, call, &api.GetServiceLastAccessedDetailsInput{JobID: bob.UserID + strings.Repeat("0", 15)}, "NoSuchEntity", "")
	// A report is kept for a week.
	c.Advance(t, 7*24*time.Hour)
	refuse(t, api.GetServiceLastAccessedDetails, call, &api.GetServiceLastAccessedDetailsInput{JobID: job}, "NoSuchEntity", "")
}

func TestPoliciesGrantingServiceAccess(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	alice := createUser(t, call, "alice")
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: "alice"})
	do(t, api.AttachGroupPolicy, call, &api.AttachGroupPolicyInput{GroupName: "g", PolicyARN: readARN})
	do(t, api.PutGroupPolicy, call, &api.PutGroupPolicyInput{GroupName: "g", PolicyName: "inline", PolicyDocument: strings.Replace(allowAll, `"Action":"*"`, `"NotAction":["iam:*","s3:Get*"]`, 1)})
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "alice", PolicyName: "own", PolicyDocument: allowUsers})
	out := do(t, api.ListPoliciesGrantingServiceAccess, call, &api.ListPoliciesGrantingServiceAccessInput{ARN: alice.ARN, ServiceNamespaces: []string{"s3", "iam", "nothing"}})
	var got []string
	for _, e := range out.PoliciesGrantingServiceAccess {
		for _, p := range e.Policies {
			owner := ""
			if p.EntityName != nil {
				owner = string(*p.EntityType) + *p.EntityName
			}
			got = append(got, *e.ServiceNamespace+" "+p.PolicyName+" "+string(p.PolicyType)+" "+owner)
		}
	}
	want := []string{
		"iam own INLINE USERalice", "iam ReadOnlyAccess MANAGED ", "nothing inline INLINE GROUPg", "s3 ReadOnlyAccess MANAGED ", "s3 inline INLINE GROUPg",
	}
	if !slices.Equal(got, want) || *out.IsTruncated {
		t.Errorf("policies %q", got)
	}
	refuse(t, api.ListPoliciesGrantingServiceAccess, call, &api.ListPoliciesGrantingServiceAccessInput{ARN: readARN, ServiceNamespaces: []string{"s3"}}, "InvalidInput", "")
	refuse(t, api.ListPoliciesGrantingServiceAccess, call, &api.ListPoliciesGrantingServiceAccessInput{ARN: alice.ARN + "x", ServiceNamespaces: []string{"s3"}}, "NoSuchEntity", "")
}
