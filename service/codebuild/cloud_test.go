package codebuild_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/machine"
	"drydock/machine/namespace"
	"drydock/machine/process"
	"drydock/policy"
	"drydock/service"
	"drydock/service/codebuild"
	"drydock/service/servicetest"
)

func TestMain(m *testing.M) {
	namespace.Main()
	process.Main()
	os.Exit(m.Run())
}

// bench is a cloud with CodeBuild, real machines, and beside it the least of the services that a build calls: what they
// are given can be looked at. That CodeBuild gets on with the real ones is tested in test/build.
type bench struct {
	*servicetest.Cloud
	call  *aws.Call
	host  *machine.Host
	peers *peers
}

func newBench(t *testing.T, more ...service.Module) *bench {
	t.Helper()
	return newBenchOn(t, process.New, more...)
}

func newBenchOn(t *testing.T, newDriver func() (machine.Driver, error), more ...service.Module) *bench {
	t.Helper()
	driver, err := newDriver()
	if err != nil {
		t.Fatal(err)
	}
	host, err := machine.Open(t.TempDir(), driver, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := host.List(nil); len(left) > 0 {
			t.Errorf("%d machines are left", len(left))
		}
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b := &bench{host: host, peers: &peers{objects: map[string][]byte{}}}
	b.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		b.peers.deps = d
		return slices.Concat(b.peers.modules(), more, []service.Module{codebuild.New(d)})
	}, servicetest.WithMachines(host))
	b.call = b.Cloud.Call(t)
	return b
}

const testRole = "arn:aws:iam::111122223333:role/build"

// createProject makes a project without a source that runs a build specification.
func (b *bench) createProject(t *testing.T, name, spec string, change ...func(*api.CreateProjectInput)) {
	t.Helper()
	in := projectInput(name, spec)
	for _, c := range change {
		c(in)
	}
	if _, err := api.CreateProject.Do(b.call, in); err != nil {
		t.Fatal(err)
	}
}

func projectInput(name, spec string) *api.CreateProjectInput {
	return &api.CreateProjectInput{
		Name: name, ServiceRole: testRole,
		Source:    api.ProjectSource{Type: api.SourceTypeNoSource, Buildspec: &spec},
		Artifacts: api.ProjectArtifacts{Type: api.ArtifactsTypeNoArtifacts},
		Environment: api.ProjectEnvironment{
			Type: api.EnvironmentTypeLinuxContainer, Image: "aws/codebuild/standard:7.0", ComputeType: api.ComputeTypeBuildGeneral1Small,
		},
	}
}

// start starts a build and returns its id.
func (b *bench) start(t *testing.T, in *api.StartBuildInput) string {
	t.Helper()
	out, err := api.StartBuild.Do(b.call, in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.Build.ID
}

// get returns a build.
func (b *bench) get(t *testing.T, id string) *api.Build {
	t.Helper()
	out, err := api.BatchGetBuilds.Do(b.call, &api.BatchGetBuildsInput{IDs: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Builds) != 1 {
		t.Fatalf("build %s is not found", id)
	}
	return &out.Builds[0]
}

// build starts a build, waits for its end and returns it.
func (b *bench) build(t *testing.T, in *api.StartBuildInput) *api.Build {
	t.Helper()
	id := b.start(t, in)
	b.WaitIdle(t)
	return b.get(t, id)
}

// run builds a project made of a build specification.
func (b *bench) run(t *testing.T, spec string, change ...func(*api.CreateProjectInput)) *api.Build {
	t.Helper()
	b.createProject(t, "p1", spec, change...)
	return b.build(t, &api.StartBuildInput{ProjectName: "p1"})
}

// phases tells how each phase ended: "BUILD=FAILED".
func phases(b *api.Build) string {
	var out []string
	for _, p := range b.Phases {
		word := string(*p.PhaseType)
		if p.PhaseStatus != nil && *p.PhaseStatus != api.StatusTypeSucceeded {
			word += "=" + string(*p.PhaseStatus)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// reason is what the context of a phase says: "CODE: message".
func reason(b *api.Build, phase api.BuildPhaseType) string {
	for _, p := range b.Phases {
		if *p.PhaseType == phase && len(p.Contexts) > 0 {
			return *p.Contexts[0].StatusCode + ": " + *p.Contexts[0].Message
		}
	}
	return ""
}

// peers are the services beside CodeBuild.
type peers struct {
	deps service.Deps

	mu      sync.Mutex // guards the fields below
	events  []string
	seen    chan string // gets each line as it is delivered, when set
	groups  []string
	objects map[string][]byte
	puts    []*s3.PutObjectInput
	deny    string // a role that may not be assumed
	noLogs  bool
	noKMS   bool // as S3 without encryption by KMS
}

func (p *peers) modules() []service.Module {
	return []service.Module{
		{API: sts.API, Operations: []aws.Handler{sts.AssumeRole.Handle(p.assumeRole)}, Identity: anyone{}},
		{API: logs.API, Operations: []aws.Handler{
			logs.CreateLogGroup.Handle(p.createLogGroup), logs.CreateLogStream.Handle(p.createLogStream), logs.PutLogEvents.Handle(p.putLogEvents),
		}},
		{API: s3.API, Operations: []aws.Handler{
			s3.PutObject.Handle(p.putObject), s3.GetObject.Handle(p.getObject), s3.ListObjectsV2.Handle(p.listObjects),
			s3.CopyObject.Handle(p.copyObject),
		}},
	}
}

// anyone lets every role do everything, except that one called nosession has no sessions, and a user called nobody nothing.
type anyone struct{}

func (anyone) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (anyone) Password(context.Context, string, string, string) (aws.Principal, error) {
	return aws.Principal{}, policy.ErrUnknownKey
}

func (anyone) Grants(_ context.Context, p *aws.Principal) (policy.Grants, error) {
	if p.Name == "nobody" {
		return policy.Grants{}, nil
	}
	statements := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	if p.Name == "nosession" {
		statements += `,{"Effect":"Deny","Action":"ssmmessages:*DataChannel","Resource":"*"}`
	}
	document, err := policy.Parse(policy.KindInline, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	return policy.Grants{Identity: []policy.Source{{Document: document}}}, err
}

func (p *peers) assumeRole(call *aws.Call, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if call.Principal.Name != "codebuild.amazonaws.com" || in.RoleARN == p.deny {
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

func (p *peers) asRole(call *aws.Call) error {
	if call.Principal.RoleARN == "" {
		return aws.NewError(403, "AccessDenied", "called by %s instead of the service role", call.Principal.ARN)
	}
	return nil
}

func (p *peers) createLogGroup(call *aws.Call, in *logs.CreateLogGroupInput) (*logs.CreateLogGroupOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups = append(p.groups, in.LogGroupName)
	return &logs.CreateLogGroupOutput{}, p.asRole(call)
}

func (p *peers) createLogStream(call *aws.Call, in *logs.CreateLogStreamInput) (*logs.CreateLogStreamOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.noLogs {
		return nil, aws.NewError(400, "AccessDeniedException", "not authorized to perform: logs:CreateLogStream")
	}
	if !slices.Contains(p.groups, in.LogGroupName) {
		return nil, logs.NewResourceNotFoundException("The specified log group does not exist.")
	}
	return &logs.CreateLogStreamOutput{}, p.asRole(call)
}

func (p *peers) putLogEvents(call *aws.Call, in *logs.PutLogEventsInput) (*logs.PutLogEventsOutput, error) {
	p.mu.Lock()
	seen := p.seen
	for _, e := range in.LogEvents {
		p.events = append(p.events, e.Message)
	}
	p.mu.Unlock()
	if seen != nil {
		for _, e := range in.LogEvents {
			seen <- strings.TrimSuffix(e.Message, "\n")
		}
	}
	return &logs.PutLogEventsOutput{}, p.asRole(call)
}

// text is the log delivered so far.
func (p *peers) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.events, "")
}

// clear forgets the log.
func (p *peers) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}

// output is the log without CodeBuild's own lines.
func (p *peers) output() string {
	var out []string
	for line := range strings.Lines(p.text()) {
		if !strings.HasPrefix(line, "[Container] ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func (p *peers) putObject(call *aws.Call, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	text, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	if in.SSEKMSKeyID != nil && p.noKMS {
		return nil, aws.NewError(501, "NotImplemented", "no encryption with %s", *in.SSEKMSKeyID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects[in.Bucket+"/"+in.Key] = text
	p.puts = append(p.puts, in)
	return &s3.PutObjectOutput{}, p.asRole(call)
}

func (p *peers) getObject(call *aws.Call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, ok := p.objects[in.Bucket+"/"+in.Key]
	if !ok {
		return nil, s3.NewNoSuchKey("The specified key does not exist.")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(text)), ContentLength: new(int64(len(text)))}, p.asRole(call)
}

func (p *peers) listObjects(call *aws.Call, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := &s3.ListObjectsV2Output{}
	for key := range p.objects {
		if name, ok := strings.CutPrefix(key, in.Bucket+"/"); ok && strings.HasPrefix(name, *in.Prefix) {
			out.Contents = append(out.Contents, s3.Object{Key: new(name), Size: new(int64(len(p.objects[key])))})
		}
	}
	return out, p.asRole(call)
}

func (p *peers) copyObject(call *aws.Call, in *s3.CopyObjectInput) (*s3.CopyObjectOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects[in.Bucket+"/"+in.Key] = p.objects[in.CopySource]
	return &s3.CopyObjectOutput{}, p.asRole(call)
}

// put stores an object for a build to read.
func (p *peers) put(key string, content []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects[key] = content
}

// keys lists the objects.
func (p *peers) keys() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []string
	for k := range p.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return fmt.Sprint(keys)
}

// value is what an optional member holds.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
