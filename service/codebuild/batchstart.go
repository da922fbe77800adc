package codebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/lang/buildspec"
	"drydock/store"
)

// checkBatchConfig checks a project's configuration for batches and fills in what AWS fills in. Without a service role
// there are none, which is how a configuration is taken away.
func (s *Service) checkBatchConfig(call *aws.Call, c *api.ProjectBuildBatchConfig) (*api.ProjectBuildBatchConfig, error) {
	if c == nil || value(c.ServiceRole) == "" {
		if c != nil && (c.CombineArtifacts != nil || c.Restrictions != nil || c.TimeoutInMins != nil || c.BatchReportMode != nil) {
			return nil, api.NewInvalidInputException("Invalid build batch config: service role must be specified")
		}
		return nil, nil
	}
	checked := *c
	d := api.Project{ServiceRole: checked.ServiceRole}
	if err := s.checkRole(call, &d); err != nil {
		return nil, err
	}
	checked.ServiceRole = d.ServiceRole
	if checked.CombineArtifacts == nil {
		checked.CombineArtifacts = new(false)
	}
	if t := checked.TimeoutInMins; t != nil && (*t < minTimeout || *t > maxTimeout) {
		return nil, api.NewInvalidInputException("Invalid build batch config: timeoutInMins must be between %d and %d", minTimeout, maxTimeout)
	}
	if r := checked.Restrictions; r != nil && r.MaximumBuildsAllowed != nil && (*r.MaximumBuildsAllowed < 1 || *r.MaximumBuildsAllowed > buildspec.MaxBatchBuilds) {
		return nil, api.NewInvalidInputException("Invalid build batch config: maximumBuildsAllowed must be between 1 and %d", buildspec.MaxBatchBuilds)
	}
	return &checked, nil
}

// startBuildBatch starts a batch of a project.
func (s *Service) startBuildBatch(call *aws.Call, in *api.StartBuildBatchInput) (*api.StartBuildBatchOutput, error) {
	if value(in.ReportBuildBatchStatusOverride) {
		return nil, notImplemented("reportBuildBatchStatusOverride")
	}
	config, err := s.checkBatchConfig(call, in.BuildBatchConfigOverride)
	if err != nil {
		return nil, err
	}
	detail, err := s.startNewBatch(call, in, config, initiator(&call.Principal))
	if err != nil {
		return nil, err
	}
	return &api.StartBuildBatchOutput{BuildBatch: detail}, nil
}

// startNewBatch submits a batch: its record, and the build that downloads its source.
func (s *Service) startNewBatch(call *aws.Call, in *api.StartBuildBatchInput, config *api.ProjectBuildBatchConfig, by string) (*api.BuildBatch, error) {
	uuid, now := call.NewUUID(), call.Now()
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	hash, token := hex.EncodeToString(sum[:]), value(in.IdempotencyToken)
	var detail api.BuildBatch
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if token != "" {
			old, err := batchesByToken.First(tx, store.K(call.Account, call.Region, token))
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
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return err
		}
		plan, err := overridden(call, p, buildOverrides(in))
		if err != nil {
			return err
		}
		if config != nil {
			plan.BuildBatchConfig = config
		}
		switch {
		case plan.BuildBatchConfig == nil:
			return api.NewInvalidInputException("Project %s is not configured for batch builds: build batch config must be specified", p.Name)
		case plan.Source.Type == api.SourceTypeCodepipeline:
			return api.NewInvalidInputException("Project %s has source type CODEPIPELINE: its builds are started by a pipeline", p.Name)
		}
		p.Batches++
		b := newBatch(p, plan, in.SourceVersion, uuid, by, now)
		b.Token, b.InputHash, b.Detail.DebugSessionEnabled = token, hash, new(value(in.DebugSessionEnabled))
		if err := projects.Put(tx, p); err != nil {
			return err
		}
		if err := s.startMember(tx, b, 0, now); err != nil {
			return err
		}
		if err := b.refresh(tx); err != nil {
			return err
		}
		detail = b.Detail
		due := now.Add(b.timeout())
		if err := s.Tasks.Schedule(tx, batchTimeoutTask, b.taskKey(), due, nil); err != nil {
			return err
		}
		if err := buildBatches.Put(tx, b); err != nil {
			return err
		}
		return s.admit(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return &detail, nil
}

// buildOverrides are a batch's overrides as those of each of its builds.
func buildOverrides(in *api.StartBuildBatchInput) *api.StartBuildInput {
	return &api.StartBuildInput{
		ProjectName: in.ProjectName, SecondarySourcesOverride: in.SecondarySourcesOverride,
		SecondarySourcesVersionOverride: in.SecondarySourcesVersionOverride, ArtifactsOverride: in.ArtifactsOverride,
		SecondaryArtifactsOverride: in.SecondaryArtifactsOverride, EnvironmentVariablesOverride: in.EnvironmentVariablesOverride,
		SourceTypeOverride: in.SourceTypeOverride, SourceLocationOverride: in.SourceLocationOverride, SourceAuthOverride: in.SourceAuthOverride,
		GitCloneDepthOverride: in.GitCloneDepthOverride, GitSubmodulesConfigOverride: in.GitSubmodulesConfigOverride,
		BuildspecOverride: in.BuildspecOverride, InsecureSSLOverride: in.InsecureSSLOverride, EnvironmentTypeOverride: in.EnvironmentTypeOverride,
		ImageOverride: in.ImageOverride, ComputeTypeOverride: in.ComputeTypeOverride, CertificateOverride: in.CertificateOverride,
		CacheOverride: in.CacheOverride, ServiceRoleOverride: in.ServiceRoleOverride, PrivilegedModeOverride: in.PrivilegedModeOverride,
		TimeoutInMinutesOverride: in.BuildTimeoutInMinutesOverride, QueuedTimeoutInMinutesOverride: in.QueuedTimeoutInMinutesOverride,
		EncryptionKeyOverride: in.EncryptionKeyOverride, LogsConfigOverride: in.LogsConfigOverride,
		RegistryCredentialOverride: in.RegistryCredentialOverride, ImagePullCredentialsTypeOverride: in.ImagePullCredentialsTypeOverride,
	}
}

// newBatch is the record of a batch that was just submitted.
func newBatch(p *project, d *api.Project, version *string, uuid, by string, now time.Time) *buildBatch {
	if value(version) == "" {
		version = d.SourceVersion
	}
	if value(version) == "" {
		version = nil
	}
	b := &buildBatch{
		Account: p.Account, Region: p.Region, ID: p.Name + ":" + uuid, Started: now, Number: p.Batches, Plan: *d, Version: version,
		Members: []batchMember{{Spec: buildspec.BatchBuild{Identifier: downloadMember}}},
	}
	b.Detail = api.BuildBatch{
		ID: &b.ID, ARN: new(place{p.Account, p.Region, b.ID}.arn("build-batch/" + b.ID)), StartTime: &now, BuildBatchNumber: &b.Number,
		BuildBatchStatus: new(api.StatusTypeInProgress), Complete: new(false), ProjectName: &p.Name, SourceVersion: version, Source: d.Source,
		SecondarySources: orEmpty(d.SecondarySources), SecondarySourceVersions: orEmpty(d.SecondarySourceVersions),
		Artifacts: shownArtifacts(d.Artifacts, b.ID), SecondaryArtifacts: []api.BuildArtifacts{}, Cache: d.Cache, Environment: d.Environment,
		ServiceRole: d.ServiceRole, LogConfig: d.LogsConfig, BuildTimeoutInMinutes: d.TimeoutInMinutes,
		QueuedTimeoutInMinutes: d.QueuedTimeoutInMinutes, Initiator: &by, EncryptionKey: d.EncryptionKey, BuildBatchConfig: d.BuildBatchConfig,
		BuildGroups: []api.BuildGroup{{Identifier: new(downloadMember), DependsOn: []string{}, IgnoreFailure: new(false)}},
	}
	for i := range d.SecondaryArtifacts {
		b.Detail.SecondaryArtifacts = append(b.Detail.SecondaryArtifacts, *shownArtifacts(&d.SecondaryArtifacts[i], b.ID))
	}
	b.begin(now)
	return b
}

// timeout is how long the batch may take.
func (b *buildBatch) timeout() time.Duration {
	if t := b.Plan.BuildBatchConfig.TimeoutInMins; t != nil {
		return time.Duration(*t) * time.Minute
	}
	return maxTimeout * time.Minute
}

// begin enters the first phases.
func (b *buildBatch) begin(now time.Time) {
	b.enter(api.BuildBatchPhaseTypeSubmitted, now)
	b.leave(api.StatusTypeSucceeded, nil, now)
	b.enter(api.BuildBatchPhaseTypeDownloadBatchspec, now)
}

// buildID is the id of a member's build. It follows from the batch, the member and the attempt, so that a step that is
// done again starts no second one.
func (b *buildBatch) buildID(m *batchMember, attempt int) string {
	return *b.Detail.ProjectName + ":" + followingID(b.taskKey()+"\n"+m.Spec.Identifier+"\n"+strconv.Itoa(attempt))
}

// startMember submits the build of a member. The batch's record is changed and not written.
func (s *Service) startMember(tx *store.Tx, b *buildBatch, index int, now time.Time) error {
	m := &b.Members[index]
	p, err := projects.Get(tx, store.K(b.Account, b.Region, *b.Detail.ProjectName))
	if errors.Is(err, store.ErrNotFound) {
		return api.NewResourceNotFoundException("Project cannot be found: %s", *b.Detail.ProjectName)
	}
	if err != nil {
		return err
	}
	plan := b.memberPlan(index)
	p.Builds++
	if err := projects.Put(tx, p); err != nil {
		return err
	}
	version := b.Version
	if resolved := b.Detail.ResolvedSourceVersion; resolved != nil && !strings.HasPrefix(value(version), "pr/") {
		version = resolved // all builds have the version that the batch began with
	}
	role := roleARN(*b.Plan.BuildBatchConfig.ServiceRole, b.Account, b.Region)
	by := role[strings.LastIndexByte(role, '/')+1:] + "/AWSCodeBuild-" + b.uuid()
	var debug *bool
	if index > 0 && (m.Spec.DebugSession || value(b.Detail.DebugSessionEnabled)) {
		debug = new(true)
	}
	one := newBuild(order{p, plan, version, debug}, uuidOf(b.buildID(m, m.Attempt)), by, now)
	one.Batch, one.Member, one.Detail.BuildBatchARN = b.ID, m.Spec.Identifier, b.Detail.ARN
	m.Build = one.ID
	if err := builds.Put(tx, one); err != nil {
		return err
	}
	due := now.Add(time.Duration(*plan.QueuedTimeoutInMinutes) * time.Minute)
	return s.Tasks.Schedule(tx, timeoutTask, one.taskKey(), due, nil)
}

// memberPlan is the project as a member wants it. Each member's output goes to a folder of its own, unless there is none.
func (b *buildBatch) memberPlan(index int) *api.Project {
	d, m := b.Plan, &b.Members[index].Spec
	if index == 0 {
		d.Artifacts, d.SecondaryArtifacts = &api.ProjectArtifacts{Type: api.ArtifactsTypeNoArtifacts}, nil
		d.Cache = &api.ProjectCache{Type: api.CacheTypeNoCache}
		return &d
	}
	source, env, artifacts := *d.Source, *d.Environment, *d.Artifacts
	if m.Buildspec != "" {
		source.Buildspec = &m.Buildspec
	}
	override(&env.PrivilegedMode, m.Env.PrivilegedMode)
	for to, from := range map[*string]string{&env.Image: m.Env.Image, (*string)(&env.ComputeType): m.Env.ComputeType, (*string)(&env.Type): m.Env.Type} {
		if from != "" {
			*to = from
		}
	}
	if m.Env.Fleet != "" {
		env.Fleet = &api.ProjectFleet{FleetARN: &m.Env.Fleet}
	}
	env.EnvironmentVariables = slices.Clone(env.EnvironmentVariables)
	for _, v := range m.Env.Variables {
		set := api.EnvironmentVariable{Name: v.Name, Value: v.Value, Type: new(api.EnvironmentVariableTypePlaintext)}
		i := slices.IndexFunc(env.EnvironmentVariables, func(old api.EnvironmentVariable) bool { return old.Name == v.Name })
		if i >= 0 {
			env.EnvironmentVariables[i] = set
		} else {
			env.EnvironmentVariables = append(env.EnvironmentVariables, set)
		}
	}
	memberFolder(&artifacts, m.Identifier)
	secondary := slices.Clone(d.SecondaryArtifacts)
	for i := range secondary {
		memberFolder(&secondary[i], m.Identifier)
	}
	d.Source, d.Environment, d.Artifacts, d.SecondaryArtifacts = &source, &env, &artifacts, secondary
	return &d
}

func memberFolder(a *api.ProjectArtifacts, identifier string) {
	if a.Type == api.ArtifactsTypeS3 {
		a.Path = new(strings.Trim(value(a.Path)+"/"+identifier, "/"))
	}
}

// retryBuildBatch runs a batch that has failed again: all of its builds, or those that did not succeed.
func (s *Service) retryBuildBatch(call *aws.Call, in *api.RetryBuildBatchInput) (*api.RetryBuildBatchOutput, error) {
	var detail api.BuildBatch
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBatch(tx, call, value(in.ID))
		if err != nil {
			return err
		}
		if token := value(in.IdempotencyToken); token != "" {
			if b.Token == "retry/"+token { // which this batch has been retried with
				detail = b.Detail
				return nil
			}
			b.Token = "retry/" + token
		}
		if !b.complete() || *b.Detail.BuildBatchStatus == api.StatusTypeSucceeded {
			return api.NewInvalidInputException("Build batch %s has not failed and cannot be retried", value(in.ID))
		}
		if err := b.refresh(tx); err != nil {
			return err
		}
		download := b.Detail.BuildGroups[0].CurrentBuildSummary
		all := value(in.RetryType) == api.RetryBuildBatchTypeRetryAllBuilds || value(download.BuildStatus) != api.StatusTypeSucceeded
		b.Detail.BuildBatchStatus, b.Detail.Complete, b.Detail.EndTime = new(api.StatusTypeInProgress), new(false), nil
		b.Detail.Phases = nil
		b.begin(now)
		for i := range b.Members {
			if g := &b.Detail.BuildGroups[i]; all || value(status(g)) != api.StatusTypeSucceeded {
				b.again(i)
			}
		}
		if all {
			if err := s.startMember(tx, b, 0, now); err != nil {
				return err
			}
		} else if err := s.Tasks.Schedule(tx, batchTask, b.taskKey(), now, nil); err != nil {
			return err
		}
		due := now.Add(b.timeout())
		if err := s.Tasks.Schedule(tx, batchTimeoutTask, b.taskKey(), due, nil); err != nil {
			return err
		}
		if err := b.refresh(tx); err != nil {
			return err
		}
		detail = b.Detail
		if err := buildBatches.Put(tx, b); err != nil {
			return err
		}
		return s.admit(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.RetryBuildBatchOutput{BuildBatch: &detail}, nil
}

// again makes a member one that has not been started, and keeps what became of its build.
func (b *buildBatch) again(index int) {
	m, g := &b.Members[index], &b.Detail.BuildGroups[index]
	if m.Build == "" {
		return
	}
	if g.CurrentBuildSummary != nil {
		g.PriorBuildSummaryList = append(g.PriorBuildSummaryList, *g.CurrentBuildSummary)
	}
	m.Attempt++
	m.Build, g.CurrentBuildSummary = "", nil
}
