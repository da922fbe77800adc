package s3_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"drydock/api/sts"
	"drydock/aws"
	"drydock/bus"
	"drydock/policy"
	"drydock/service"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

// peers are the services beside S3: roles with their policies, and queues that remember what they get.
type peers struct {
	deps service.Deps
	keys servicetest.Keyring

	mu       sync.Mutex // guards the fields below
	policies map[string]string
	messages []bus.Delivery
}

func newPeers(t testing.TB) (*servicetest.Cloud, *aws.Call, *peers) {
	t.Helper()
	p := &peers{policies: map[string]string{}}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		p.deps = d
		other := service.Module{API: sts.API, Operations: []aws.Handler{sts.AssumeRole.Handle(p.assumeRole)}, Identity: p}
		for _, name := range []string{"sqs", "sns", "lambda"} {
			other.Targets = append(other.Targets, bus.Target{Service: name, Deliver: p.deliver})
		}
		return append(s3.Modules(d), other, p.keys.Module())
	})
	return c, c.Call(t), p
}

func (p *peers) deliver(_ context.Context, d bus.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, d)
	return nil
}

// take returns what was delivered since, and forgets it.
func (p *peers) take() []bus.Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.messages
	p.messages = nil
	return list
}

// role gives a role a policy of the given statements, and returns its ARN.
func (p *peers) role(name string, statements ...string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	arn := "arn:aws:iam::" + servicetest.Account + ":role/" + name
	p.policies[arn] = `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	return arn
}

func (p *peers) assumeRole(call *aws.Call, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	p.mu.Lock()
	_, there := p.policies[in.RoleARN]
	p.mu.Unlock()
	if call.Principal.Name != "s3.amazonaws.com" || !there {
		return nil, aws.NewError(403, "AccessDenied", "%s is not authorized to perform: sts:AssumeRole on resource: %s", call.Principal.Name, in.RoleARN)
	}
	name := in.RoleARN[strings.LastIndexByte(in.RoleARN, '/')+1:]
	c, err := p.deps.Sessions.Issue(aws.Principal{
		Type: aws.PrincipalAssumedRole, Account: call.Account, Name: name, RoleARN: in.RoleARN,
		ARN:     "arn:aws:sts::" + call.Account + ":assumed-role/" + name + "/" + in.RoleSessionName,
		Session: &aws.Session{Issued: call.Now(), Expires: call.Now().Add(time.Duration(*in.DurationSeconds) * time.Second)},
	})
	return &sts.AssumeRoleOutput{Credentials: &sts.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expiration: c.Expiration,
	}}, err
}

func (p *peers) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (p *peers) Password(context.Context, string, string, string) (aws.Principal, error) {
	return aws.Principal{}, policy.ErrUnknownKey
}

func (p *peers) Grants(_ context.Context, who *aws.Principal) (policy.Grants, error) {
	p.mu.Lock()
	text := p.policies[who.RoleARN]
	p.mu.Unlock()
	if text == "" {
		return policy.Grants{}, nil
	}
	doc, err := policy.Parse(policy.KindInline, text)
	return policy.Grants{Identity: []policy.Source{{Document: doc}}}, err
}
