// Package service is the contract between the kernel and the services: what a service is given, and what it gives back.
// It holds no behaviour. The list of services is in service/all.
package service

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"drydock/aws"
	"drydock/blob"
	"drydock/blob/seal"
	"drydock/bus"
	"drydock/clock"
	"drydock/machine"
	"drydock/policy"
	"drydock/policy/session"
	"drydock/resource"
	"drydock/store"
	"drydock/task"
)

// Deps is what a service may build on. The fields are shared by all services and safe for concurrent use.
type Deps struct {
	DB       *store.DB
	Blobs    *blob.Store
	Clock    *clock.Clock
	Tasks    *task.Runner
	Bus      *bus.Bus
	Sessions *session.Issuer
	// Keys seals secrets at rest under the root key of the data directory.
	Keys     *seal.RootKey
	Machines *machine.Host
	Log      *slog.Logger
	Random   io.Reader
	// Vault lends services what IAM keeps and no operation tells.
	Vault Vault
	// Cloud makes calls that no request asked for, as a task's: see NewCall.
	Cloud aws.Cloud
	// Dir is the data directory, for what neither the store nor the blobs can hold: a service keeps to the folder in it
	// that has the service's name.
	Dir string
	// Endpoint is the URL at which machines reach the cloud, known once it listens.
	Endpoint func() string
	// Quotas are the service quotas that were set to something else than AWS's default: by the service's name and the code
	// that Service Quotas has for it, as "kms/L-6E3AF000". A service looks up those that it names in its Module.
	Quotas map[string]int
	// DefaultAccount and DefaultRegion are those of callers that name none.
	DefaultAccount, DefaultRegion string
}

// Errors of a second factor.
var (
	// ErrSecondFactor is for a one-time password that does not count.
	ErrSecondFactor = errors.New("the one-time password is not valid")
	// ErrMFADevice is for a device that is not the caller's.
	ErrMFADevice = errors.New("the MFA device is not the caller's")
)

// Vault is what IAM keeps and lends to other services in process: what no operation of its API tells.
type Vault interface {
	// SecondFactor accepts the one-time password of a user's MFA device, each only once. It fails with ErrSecondFactor or
	// ErrMFADevice.
	SecondFactor(ctx context.Context, p *aws.Principal, serial, code string) error
	// ServerCertificate returns a server certificate with its chain, and its private key, all in PEM, by its ARN. It fails
	// with NoSuchEntity.
	ServerCertificate(ctx context.Context, arn string) (chain, key string, err error)
	// SAMLKeys returns the private keys, in PEM, with which assertions for a SAML provider are decrypted.
	SAMLKeys(ctx context.Context, arn string) ([]string, error)
}

// NewCall returns a call made by p in a region, for work that no request asked for.
func (d Deps) NewCall(ctx context.Context, p aws.Principal, region string) *aws.Call {
	return &aws.Call{
		Context: ctx, Cloud: d.Cloud, Partition: aws.PartitionOf(region), Account: p.Account, Region: region,
		Principal: p, RequestID: aws.NewUUID(d.Random),
	}
}

// Module is what a service gives to the kernel.
type Module struct {
	// API is the service's generated metadata.
	API *aws.API
	// Operations are the operations it carries out. The others of its API answer 501 NotImplemented.
	Operations []aws.Handler
	// Tasks are the kinds of task it reconciles.
	Tasks []task.Kind
	// Targets accept deliveries for ARNs of the service.
	Targets []bus.Target
	// Resources are its resource types.
	Resources []resource.Type
	// DataPlanes are what it serves over HTTP beside its API.
	DataPlanes []DataPlane
	// Facts tells what policies must know of a resource, given its ARN; nil when the service has no such facts.
	Facts func(call *aws.Call, arn string) (policy.Facts, error)
	// FactsFor takes the place of Facts where they depend on what is asked, as in S3, whose objects may belong to others than
	// their bucket for some actions. The names of the check's keys are in lower case.
	FactsFor func(call *aws.Call, check aws.Check) (policy.Facts, error)
	// CORS is set by the service whose resources pages of other origins may call, S3: it returns the Access-Control
	// headers for a request of an origin with a method and header names (in lower case), nil when no rule allows it.
	CORS func(call *aws.Call, bucket, origin, method string, headers []string) (map[string]string, error)
	// Accessed is told of each request to the service's API once it is answered, for access logs; nil is not told. in and
	// out are the operation's input and output, nil where it did not come to that.
	Accessed func(call *aws.Call, r *http.Request, in, out any, a *aws.Access)
	// Identity is set by the service that knows users, roles and their policies.
	Identity policy.Identity
	// Vault is set by the same service.
	Vault Vault
	// SSH serves the commands of SSH clients, whose callers the front has authenticated by the keys of Identity, and returns
	// their exit status; nil where the service has none. The cloud listens for SSH only when it is told to.
	SSH func(call *aws.Call, session *SSHSession) int
	// Faults are failures that the service can be made to suffer, by name, each with arguments by name.
	Faults map[string]func(call *aws.Call, arguments map[string]string) error
	// Enter finds the running machine behind the target of a session, such as CodeBuild's "codebuild:UUID", in which drydock
	// exec, and who else has sessions to give, run commands. It returns nil where the target is not of the service's kind,
	// and an aws.Error that says why nobody can enter. Whether the caller may is asked by whoever calls it.
	Enter func(call *aws.Call, target string) (*SessionTarget, error)
	// Quotas are the names of those of Deps.Quotas that the service heeds.
	Quotas []string
	// Holds tells which of some blobs the service's rows refer to, in use or as garbage. Every service that commits blobs
	// has it: what no service holds is deleted after a crash.
	Holds func(ctx context.Context, ids []string) (map[string]bool, error)
	// Start is called when the cloud starts, before it serves; nil when there is nothing to do. It puts right what a
	// crash left behind.
	Start func(ctx context.Context) error
	// Stop is called when the cloud stops, after the last request.
	Stop func(ctx context.Context) error
}

// DataPlane is a part of the URL space that a service answers itself, such as git's. The gateway authenticates the caller
// (SigV4, or HTTP Basic with service-specific credentials or CodeCommit's signed password); the handler authorizes with
// Cloud.Authorize.
type DataPlane struct {
	// Prefix is the path it answers, such as "/v1/repos/". Host, when set, is the first label of the host names for
	// which the prefix counts.
	Prefix string
	Host   string
	// Hosts, when set, tells for which hosts, with their ports, the prefix counts. It is asked for every request.
	Hosts func(host string) bool
	// Realm is what a caller without credentials is asked for by 401; empty admits anonymous callers.
	Realm string
	Serve func(call *aws.Call, w http.ResponseWriter, r *http.Request)
}

// SessionTarget is a running machine that may be entered.
type SessionTarget struct {
	// ARN is the resource that the machine is of.
	ARN     string
	Machine *machine.Machine
	// Command is what commands in it begin with: environment, folder and user.
	Command machine.Command
}

// SSHSession is one command of an SSH client.
type SSHSession struct {
	Command string
	// GitProtocol is what the client set GIT_PROTOCOL to.
	GitProtocol string
	// In ends when the client has said all, and soon after the command has returned.
	In       io.Reader
	Out, Err io.Writer
}
