package aws

import "time"

// PrincipalType tells what kind of caller a principal is.
type PrincipalType string

// The kinds of caller, named as aws:PrincipalType and CloudTrail name them.
const (
	PrincipalAnonymous     PrincipalType = "Anonymous"
	PrincipalRoot          PrincipalType = "Account" // the root user of an account
	PrincipalUser          PrincipalType = "User"
	PrincipalAssumedRole   PrincipalType = "AssumedRole"
	PrincipalFederatedUser PrincipalType = "FederatedUser"
	PrincipalService       PrincipalType = "Service" // an AWS service acting for itself
)

// Principal is an authenticated caller.
type Principal struct {
	Type    PrincipalType
	Account string
	// ARN is what GetCallerIdentity answers: the user's, the root's or the session's ARN.
	ARN string
	// ID is the unique id behind aws:userid: AIDA..., AROA...:session, ACCOUNT:name.
	ID string
	// Name is the user's, the role's or the service principal's name ("codebuild.amazonaws.com").
	Name string
	// RoleARN is the IAM role behind an assumed-role session.
	RoleARN string
	// AccessKeyID is the key that signed the request, empty for callers inside the cloud.
	AccessKeyID string
	// Local tells that the caller is the root user only because its access key was not issued here: see the gateway's
	// Config.Strict.
	Local bool
	// Tags are the principal's tags with those of the session over them.
	Tags map[string]string
	// Session is present for temporary credentials.
	Session *Session
}

// Session is what temporary credentials carry beside their identity.
type Session struct {
	Issued  time.Time
	Expires time.Time
	// Policies are the session policies' documents; more than none restrict the session to what they also allow.
	Policies []string
	// PolicyARNs are managed policies given as session policies.
	PolicyARNs []string
	// TransitiveTagKeys names the tags that pass on when the session assumes another role.
	TransitiveTagKeys []string
	SourceIdentity    string
	// MFA tells that the session was opened with a second factor, or that the request brings one. MFATime is when it was
	// given; zero: when the session was opened.
	MFA     bool
	MFATime time.Time `cbor:",omitzero"`
	// Chained tells that a role session assumed this role.
	Chained bool
	// Provider is the federation provider's ARN or domain, when one vouched for the caller.
	Provider string
	// Keys are condition keys, in lower case, that the provider's word for the caller gives to every request of the session.
	Keys map[string][]string `cbor:",omitempty"`
}

// Root returns the root user of an account.
func Root(partition, account string) Principal {
	return Principal{
		Type: PrincipalRoot, Account: account, ID: account, Name: "root",
		ARN: ARN{Partition: partition, Service: "iam", Account: account, Resource: "root"}.String(),
	}
}

// ServicePrincipal returns the AWS service named name ("logs.amazonaws.com") acting within an account.
func ServicePrincipal(name, account string) Principal {
	return Principal{Type: PrincipalService, Account: account, Name: name, ID: name, ARN: name}
}
