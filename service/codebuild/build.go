package codebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// build is one build. Detail is what the API shows; the rest drives it.
type build struct {
	Account, Region string
	// ID is "project:uuid".
	ID string
	// ProjectID is the project's as it was: the local cache goes by it.
	ProjectID string
	// Started and Number order the lists.
	Started time.Time
	Number  int64
	// Queued tells that the build waits for a place; the queue is in the order of Started and Number.
	Queued bool
	// Slot tells that the build takes up capacity; it does so until its machine is gone.
	Slot bool
	// Runner is the process whose machine runs the build, empty before.
	Runner string
	// Limit is the project's concurrent build limit when the build was started, 0 for none.
	Limit int32
	// ArtifactsConfig and SecondaryArtifactsConfig are the outputs as configured; Detail has what became of them.
	ArtifactsConfig          api.ProjectArtifacts
	SecondaryArtifactsConfig []api.ProjectArtifacts
	// Batch is the id of the batch that the build belongs to, Member its identifier there.
	Batch, Member string
	// RetryLimit is how often the build is tried again by itself when it has failed.
	RetryLimit int32
	// Token and InputHash recognise a repeated request.
	Token, InputHash string
	Detail           api.Build
}

func buildTimeKey(b *build) store.Key { return store.K(b.Account, b.Region, b.Started, b.Number) }
func buildProjectKey(b *build) store.Key {
	return store.K(b.Account, b.Region, *b.Detail.ProjectName, b.Started, b.Number)
}

var (
	buildsByTime    = store.NewIndex("started", func(b *build) []store.Key { return []store.Key{buildTimeKey(b)} })
	buildsByProject = store.NewIndex("project", func(b *build) []store.Key { return []store.Key{buildProjectKey(b)} })
	buildsByToken   = store.NewIndex("token", func(b *build) []store.Key {
		if b.Token == "" {
			return nil
		}
		return []store.Key{store.K(b.Account, b.Region, b.Token)}
	})
	// buildsQueued has those that wait, of all accounts and regions, in the order in which they may start.
	buildsQueued = store.NewIndex("queued", func(b *build) []store.Key {
		if !b.Queued {
			return nil
		}
		return []store.Key{store.K(b.Started, b.Number)}
	})
	// buildsRunning has those that take up capacity.
	buildsRunning = store.NewIndex("running", func(b *build) []store.Key {
		if !b.Slot {
			return nil
		}
		return []store.Key{store.K(b.Account, b.Region)}
	})
	builds = store.NewTable("codebuild/build", func(b *build) store.Key { return store.K(b.Account, b.Region, b.ID) },
		buildsByTime, buildsByProject, buildsByToken, buildsQueued, buildsRunning)
)

// taskKey names the build among tasks.
func (b *build) taskKey() string { return b.Account + "/" + b.Region + "/" + b.ID }

// keyOfTask is the build's key, from the name of its task.
func keyOfTask(name string) store.Key {
	account, rest, _ := strings.Cut(name, "/")
	region, id, _ := strings.Cut(rest, "/")
	return store.K(account, region, id)
}

// uuid is the part of the id behind the project's name, which also names the log stream.
func (b *build) uuid() string { return uuidOf(b.ID) }

// fleet is the ARN of the fleet that the build runs on, if it runs on one.
func (b *build) fleet() string {
	if f := b.Detail.Environment.Fleet; f != nil {
		return value(f.FleetARN)
	}
	return ""
}

func (b *build) complete() bool { return value(b.Detail.BuildComplete) }

// keyOfBuild is the key of a build given by its id or ARN. What lies in another account or region is not found.
func keyOfBuild(call *aws.Call, id string) store.Key {
	return store.K(call.Account, call.Region, ownName(call, "build/", id))
}

func getBuild(tx *store.Tx, call *aws.Call, id string) (*build, error) {
	b, err := builds.Get(tx, keyOfBuild(call, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("Build %s does not exist", id)
	}
	return b, err
}

// startBuild starts a build of a project.
func (s *Service) startBuild(call *aws.Call, in *api.StartBuildInput) (*api.StartBuildOutput, error) {
	detail, err := s.startNew(call, value(in.IdempotencyToken), in, func(tx *store.Tx) (order, error) {
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return order{}, err
		}
		d, err := overridden(call, p, in)
		return order{p, d, in.SourceVersion, in.DebugSessionEnabled}, err
	})
	if err != nil {
		return nil, err
	}
	return &api.StartBuildOutput{Build: detail}, nil
}

// retryBuild starts a build anew, as it was started first. The project may have changed since.
func (s *Service) retryBuild(call *aws.Call, in *api.RetryBuildInput) (*api.RetryBuildOutput, error) {
	detail, err := s.startNew(call, value(in.IdempotencyToken), in, func(tx *store.Tx) (order, error) {
		old, err := getBuild(tx, call, value(in.ID))
		if err != nil {
			return order{}, err
		}
		if !old.complete() {
			return order{}, api.NewInvalidInputException("Build %s is still in progress and cannot be retried", value(in.ID))
		}
		p, err := getProject(tx, call, *old.Detail.ProjectName)
		if err != nil {
			return order{}, err
		}
		return order{p, old.plan(p), old.Detail.SourceVersion, old.debugged()}, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RetryBuildOutput{Build: detail}, nil
}

// plan is the project as the build was started with.
func (b *build) plan(p *project) *api.Project {
	was := &b.Detail
	d := p.Detail
	d.Source, d.SecondarySources, d.SecondarySourceVersions = was.Source, was.SecondarySources, was.SecondarySourceVersions
	d.Environment, d.Cache, d.ServiceRole, d.EncryptionKey = was.Environment, was.Cache, was.ServiceRole, was.EncryptionKey
	d.TimeoutInMinutes, d.QueuedTimeoutInMinutes = was.TimeoutInMinutes, was.QueuedTimeoutInMinutes
	d.Artifacts, d.SecondaryArtifacts = &b.ArtifactsConfig, b.SecondaryArtifactsConfig
	d.LogsConfig = &api.LogsConfig{CloudWatchLogs: was.Logs.CloudWatchLogs, S3Logs: was.Logs.S3Logs}
	return &d
}

// order is what a build is to be made of: the project, how this build wants it, and the source's version.
type order struct {
	project *project
	plan    *api.Project
	version *string
	debug   *bool // whether it has a debug session
}

// startNew submits a build of what plan finds. plan is called in the transaction.
func (s *Service) startNew(call *aws.Call, token string, in any, plan func(*store.Tx) (order, error)) (*api.Build, error) {
	uuid, now := call.NewUUID(), call.Now()
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:])
	var detail api.Build
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if token != "" {
			old, err := buildsByToken.First(tx, store.K(call.Account, call.Region, token))
			if err == nil && now.Sub(old.Started) < tokenLife {
				if old.InputHash != hash {
					return api.NewInvalidInputException("Idempotency token %s was used with different parameters", token)
				}
				detail = old.Detail
				return nil
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		o, err := plan(tx)
		if err != nil {
			return err
		}
		p, d := o.project, o.plan
		if d.Source.Type == api.SourceTypeCodepipeline {
			return api.NewInvalidInputException("Project %s has source type CODEPIPELINE: its builds are started by a pipeline", p.Name)
		}
		waiting, err := countBuilds(tx, call.Account, call.Region)
		if err != nil {
			return err
		}
		if waiting >= maxQueuedBuilds {
			return api.NewAccountLimitExceededException("Cannot have more than %d builds in queue for the account", maxQueuedBuilds)
		}
		p.Builds++
		if err := projects.Put(tx, p); err != nil {
			return err
		}
		b := newBuild(o, uuid, initiator(&call.Principal), now)
		b.Token, b.InputHash = token, hash
		if err := builds.Put(tx, b); err != nil {
			return err
		}
		due := now.Add(time.Duration(*d.QueuedTimeoutInMinutes) * time.Minute)
		if err := s.Tasks.Schedule(tx, timeoutTask, b.taskKey(), due, nil); err != nil {
			return err
		}
		detail = b.Detail
		return s.admit(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return &detail, nil
}

// countBuilds counts an account's builds in a region that wait or run.
func countBuilds(tx *store.Tx, account, region string) (n int, err error) {
	for b, err := range buildsQueued.Scan(tx, store.Range{}) {
		if err != nil {
			return 0, err
		}
		if b.Account == account && b.Region == region {
			n++
		}
	}
	for _, err := range buildsRunning.Scan(tx, store.Range{Prefix: store.K(account, region)}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// newBuild is the record of a build that was just submitted and waits.
func newBuild(o order, uuid, by string, now time.Time) *build {
	p, d, version := o.project, o.plan, o.version
	id := p.Name + ":" + uuid
	b := &build{
		Account: p.Account, Region: p.Region, ID: id, ProjectID: p.ID, Started: now, Number: p.Builds, Queued: true,
		Limit: value(p.Detail.ConcurrentBuildLimit), ArtifactsConfig: *d.Artifacts, SecondaryArtifactsConfig: d.SecondaryArtifacts,
	}
	if version == nil {
		version = d.SourceVersion
	}
	if value(version) == "" {
		version = nil
	}
	b.Detail = api.Build{
		ID: &id, ARN: new(aws.ARN{
			Partition: aws.PartitionOf(p.Region), Service: "codebuild", Region: p.Region, Account: p.Account, Resource: "build/" + id,
		}.String()),
		BuildNumber: &b.Number, StartTime: &now, BuildStatus: new(api.StatusTypeInProgress), BuildComplete: new(false),
		ProjectName: &p.Name, SourceVersion: version, Source: d.Source, SecondarySources: orEmpty(d.SecondarySources),
		SecondarySourceVersions: orEmpty(d.SecondarySourceVersions), Artifacts: shownArtifacts(d.Artifacts, id),
		SecondaryArtifacts: []api.BuildArtifacts{}, Cache: d.Cache, Environment: d.Environment, ServiceRole: d.ServiceRole,
		TimeoutInMinutes: d.TimeoutInMinutes, QueuedTimeoutInMinutes: d.QueuedTimeoutInMinutes, EncryptionKey: d.EncryptionKey,
		Initiator: &by, DebugSession: sessionOf(o.debug),
	}
	if limit := value(d.AutoRetryLimit); limit > 0 {
		b.RetryLimit = limit
		b.Detail.AutoRetryConfig = &api.AutoRetryConfig{AutoRetryLimit: &limit, AutoRetryNumber: new(int32(0))}
	}
	for i := range d.SecondaryArtifacts {
		b.Detail.SecondaryArtifacts = append(b.Detail.SecondaryArtifacts, *shownArtifacts(&d.SecondaryArtifacts[i], id))
	}
	b.Detail.Logs = logsLocation(b, d.LogsConfig)
	b.enter(api.BuildPhaseTypeSubmitted, now)
	b.leave(api.StatusTypeSucceeded, nil, now)
	b.enter(api.BuildPhaseTypeQueued, now)
	return b
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// initiator names who started the build, as CodeBuild shows it.
func initiator(p *aws.Principal) string {
	switch p.Type {
	case aws.PrincipalUser:
		return p.Name
	case aws.PrincipalAssumedRole:
		if arn, err := aws.ParseARN(p.ARN); err == nil {
			return trimKind(arn.Resource, "assumed-role/")
		}
	case aws.PrincipalRoot:
		return p.Account
	case aws.PrincipalAnonymous, aws.PrincipalFederatedUser, aws.PrincipalService:
	}
	return p.Name
}

// enter begins a phase.
func (b *build) enter(phase api.BuildPhaseType, now time.Time) {
	b.Detail.Phases = append(b.Detail.Phases, api.BuildPhase{PhaseType: &phase, StartTime: &now})
	b.Detail.CurrentPhase = new(string(phase))
}

// leave ends the current phase.
func (b *build) leave(status api.StatusType, contexts []api.PhaseContext, now time.Time) {
	p := &b.Detail.Phases[len(b.Detail.Phases)-1]
	p.PhaseStatus, p.EndTime, p.Contexts = &status, &now, contexts
	p.DurationInSeconds = new(int64(now.Sub(*p.StartTime) / time.Second))
}

// end completes the build.
func (b *build) end(status api.StatusType, now time.Time) {
	b.enter(api.BuildPhaseTypeCompleted, now)
	b.Detail.BuildStatus, b.Detail.EndTime, b.Detail.BuildComplete = &status, &now, new(true)
	b.Queued = false
}

// admit lets waiting builds begin, oldest first, as far as the host's capacity and the limits of accounts and projects
// allow. It is part of every transaction that submits a build or frees a place, so nobody has to poll.
func (s *Service) admit(tx *store.Tx, now time.Time) error {
	total := 0
	accounts, ofProject, ofFleet := map[[2]string]int{}, map[[3]string]int32{}, map[string]int{}
	count := func(b *build) {
		total++
		ofFleet[b.fleet()]++
		accounts[[2]string{b.Account, b.Region}]++
		ofProject[[3]string{b.Account, b.Region, *b.Detail.ProjectName}]++
	}
	for b, err := range buildsRunning.Scan(tx, store.Range{}) {
		if err != nil {
			return err
		}
		count(b)
	}
	if total >= s.capacity {
		return nil
	}
	var chosen []*build
	for b, err := range buildsQueued.Scan(tx, store.Range{}) {
		if err != nil {
			return err
		}
		if total >= s.capacity {
			break
		}
		if accounts[[2]string{b.Account, b.Region}] >= maxConcurrentBuilds ||
			b.Limit > 0 && ofProject[[3]string{b.Account, b.Region, *b.Detail.ProjectName}] >= b.Limit {
			continue
		}
		if b.fleet() != "" {
			f, err := getFleet(tx, b.Account, b.Region, b.fleet())
			if err == nil && ofFleet[b.fleet()] >= f.capacity() && *f.Detail.OverflowBehavior == api.FleetOverflowBehaviorQueue {
				continue
			}
			if err != nil && !aws.IsError(err, "ResourceNotFoundException") { // without it the build fails in PROVISIONING
				return err
			}
		}
		count(b)
		chosen = append(chosen, b)
	}
	for _, b := range chosen {
		b.Queued, b.Slot = false, true
		b.leave(api.StatusTypeSucceeded, nil, now)
		b.enter(api.BuildPhaseTypeProvisioning, now)
		if err := builds.Put(tx, b); err != nil {
			return err
		}
		due := now.Add(time.Duration(*b.Detail.TimeoutInMinutes) * time.Minute)
		if err := s.Tasks.Schedule(tx, timeoutTask, b.taskKey(), due, nil); err != nil {
			return err
		}
		if err := s.Tasks.Schedule(tx, buildTask, b.taskKey(), now, nil); err != nil {
			return err
		}
	}
	return nil
}
