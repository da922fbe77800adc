package policy

import (
	"context"
	"errors"

	"drydock/aws"
)

// Errors of an Identity.
var (
	// ErrUnknownKey is for an access key, a user name or a password that does not exist or is inactive.
	ErrUnknownKey = errors.New("unknown credentials")
	// ErrInactiveKey is for an access key that was issued and is not active any more. Unlike an unknown key it never
	// stands for anyone else.
	ErrInactiveKey = errors.New("credentials are not active")
)

// AccessKey is a long-term key with the principal it belongs to.
type AccessKey struct {
	Secret    string
	Principal aws.Principal
}

// Grants are the policies on a caller's side of a request.
type Grants struct {
	Identity, Boundary, Session []Source
	// SCPs are the control policies of each level above the caller's account.
	SCPs [][]Source
}

// Identity knows who callers are and what they may do. It is provided by the service that keeps users and roles, and is
// asked for every request, so it must be fast. It is safe for concurrent use.
type Identity interface {
	// AccessKey finds an active long-term key. It fails with ErrUnknownKey or ErrInactiveKey.
	AccessKey(ctx context.Context, id string) (AccessKey, error)
	// Password finds the user behind service-specific credentials, such as those for git. It fails with ErrUnknownKey.
	Password(ctx context.Context, service, user, password string) (aws.Principal, error)
	// Grants returns the policies that apply to a user, role session or federated user. A principal that no longer
	// exists has none, nor has the root user. It is also how the identity service learns who does what: the context is the
	// call.
	Grants(ctx context.Context, p *aws.Principal) (Grants, error)
}

// Facts are what policies must know of a resource beside its ARN.
type Facts struct {
	// ARN is the resource's full ARN where the one asked for was put together from what a request names, and lacks
	// something: IAM's paths. Empty: it is the one asked for.
	ARN string
	// Account owns the resource; empty means the one in the ARN.
	Account string
	// Policies are the resource's own policies.
	Policies []Source
	// PolicyRequired tells that the resource's policy must allow even callers of its own account: see
	// Request.ResourcePolicyRequired.
	PolicyRequired bool
	// Tags are the resource's tags; nil when they are not known.
	Tags map[string]string
	// Keys are further condition keys that come from the resource; nil for none.
	Keys Values
	// Behind is what the same action needs to be granted on as well; nil for nothing.
	Behind *Behind
}

// Behind is a resource that another one stands before, as an access point before its bucket.
type Behind struct {
	Resource string
	// Keys are condition keys that tell of the way there, in lower case.
	Keys Map
}

// SSHKey is the public half of an SSH key and the user it stands for.
type SSHKey struct {
	// Blob is the key as in the SSH protocol.
	Blob      []byte
	Principal aws.Principal
}

// SSHIdentity is an Identity that knows the SSH keys of users too.
type SSHIdentity interface {
	// SSHKey finds an active key by the id that it was given when it was uploaded. It fails with ErrUnknownKey.
	SSHKey(ctx context.Context, id string) (SSHKey, error)
}
