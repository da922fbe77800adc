package codebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/lang/buildspec"
	"drydock/store"
	"drydock/task"
)

// refresh brings the summaries of the batch's builds up to date. The record is not written.
func (b *buildBatch) refresh(tx *store.Tx) error {
	b.Detail.ReportARNs = nil
	for i := range b.Members {
		m, g := &b.Members[i], &b.Detail.BuildGroups[i]
		if m.Build == "" {
			continue
		}
		one, err := builds.Get(tx, store.K(b.Account, b.Region, m.Build))
		if errors.Is(err, store.ErrNotFound) {
			continue // it was deleted: what was known of it stays
		}
		if err != nil {
			return err
		}
		g.CurrentBuildSummary = one.summary()
		b.Detail.ReportARNs = append(b.Detail.ReportARNs, one.Detail.ReportARNs...)
	}
	return nil
}

// summary is a build as its batch shows it.
func (b *build) summary() *api.BuildSummary {
	resolved := func(config *api.ProjectArtifacts, shown *api.BuildArtifacts, identifier *string) api.ResolvedArtifact {
		r := api.ResolvedArtifact{Type: &config.Type, Identifier: identifier}
		if config.Type == api.ArtifactsTypeS3 {
			r.Location = new(strings.TrimPrefix(value(shown.Location), "arn:aws:s3:::"))
		}
		return r
	}
	s := &api.BuildSummary{
		ARN: b.Detail.ARN, RequestedOn: b.Detail.StartTime, BuildStatus: b.Detail.BuildStatus,
		PrimaryArtifact: new(resolved(&b.ArtifactsConfig, b.Detail.Artifacts, &b.Member)), SecondaryArtifacts: []api.ResolvedArtifact{},
	}
	for i := range b.SecondaryArtifactsConfig {
		c := &b.SecondaryArtifactsConfig[i]
		s.SecondaryArtifacts = append(s.SecondaryArtifacts, resolved(c, &b.Detail.SecondaryArtifacts[i], c.ArtifactIdentifier))
	}
	return s
}

// status is that of a group's current build, nil before it was started.
func status(g *api.BuildGroup) *api.StatusType {
	if g.CurrentBuildSummary == nil {
		return nil
	}
	return g.CurrentBuildSummary.BuildStatus
}

// groupState is how far a group is.
type groupState int

const (
	groupWaiting groupState = iota
	groupRunning
	groupPassed // succeeded, or failed where that does not matter
	groupFailed
	groupBarred // depends on one that failed, so that it is never started
)

// states are those of all groups, in their order. A group depends on earlier ones of the graph or later ones, so it is
// gone through until nothing changes; a graph has no circles.
func (b *buildBatch) states() []groupState {
	found := make([]groupState, len(b.Members))
	at := map[string]int{}
	for i := range b.Detail.BuildGroups {
		g := &b.Detail.BuildGroups[i]
		at[*g.Identifier] = i
		switch s := status(g); {
		case s == nil:
		case *s == api.StatusTypeInProgress:
			found[i] = groupRunning
		case *s == api.StatusTypeSucceeded || value(g.IgnoreFailure):
			found[i] = groupPassed
		default:
			found[i] = groupFailed
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range found {
			barred := found[i] == groupWaiting && slices.ContainsFunc(b.Detail.BuildGroups[i].DependsOn, func(on string) bool {
				return found[at[on]] == groupFailed || found[at[on]] == groupBarred
			})
			if barred {
				found[i], changed = groupBarred, true
			}
		}
	}
	return found
}

// ready tells whether all that a waiting group depends on has passed.
func (b *buildBatch) ready(index int, states []groupState) bool {
	return states[index] == groupWaiting && !slices.ContainsFunc(b.Detail.BuildGroups[index].DependsOn, func(on string) bool {
		i := slices.IndexFunc(b.Members, func(m batchMember) bool { return m.Spec.Identifier == on })
		return states[i] != groupPassed
	})
}

// reconcileBatch takes a batch on: each time one of its builds has ended.
func (s *Service) reconcileBatch(ctx context.Context, t task.Task) (task.Next, error) {
	denied, err := s.batchDenied(ctx, t.Key)
	if err != nil {
		return task.Done, err
	}
	now := s.Clock.Now()
	var stopped []string
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		stopped = nil
		b, err := buildBatches.Get(tx, keyOfTask(t.Key))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.refresh(tx); err != nil {
			return err
		}
		if stopped, err = s.advanceBatch(tx, b, denied, now); err != nil {
			return err
		}
		return s.admit(tx, now)
	})
	if err != nil {
		return task.Done, err
	}
	s.cancelAll(stopped)
	return task.Done, nil
}

// batchDenied tells why the batch's service role may not start its builds, if it may not.
func (s *Service) batchDenied(ctx context.Context, name string) (denied, err error) {
	var b *buildBatch
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		b, err = buildBatches.Get(tx, keyOfTask(name))
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	call, err := b.role(s).call(ctx)
	if err == nil {
		p := place{b.Account, b.Region, *b.Detail.ProjectName}
		err = s.Cloud.Authorize(call, aws.Check{Action: "codebuild:StartBuild", Resource: p.arn("project/" + p.name)})
	}
	if err != nil && aws.ErrorCode(err) == "" {
		return nil, err
	}
	return err, nil
}

// role is the batch's service role.
func (b *buildBatch) role(s *Service) *role {
	arn := roleARN(value(b.Plan.BuildBatchConfig.ServiceRole), b.Account, b.Region)
	return &role{s: s, arn: arn, session: "AWSCodeBuild-" + b.uuid(), account: b.Account, region: b.Region}
}

// advanceBatch takes the next step and writes the record. It returns the tasks of the builds that it ended.
func (s *Service) advanceBatch(tx *store.Tx, b *buildBatch, denied error, now time.Time) (stopped []string, err error) {
	if *b.Detail.CurrentPhase == string(api.BuildBatchPhaseTypeDownloadBatchspec) {
		switch f := s.expandBatch(tx, b, denied); {
		case errors.Is(f.err, errNotYet):
			return nil, buildBatches.Put(tx, b)
		case f.err != nil:
			return nil, f.err
		case f.failure != nil:
			return nil, s.failBatch(tx, b, f.failure, now)
		}
		b.leave(api.StatusTypeSucceeded, nil, now)
		b.enter(api.BuildBatchPhaseTypeInProgress, now)
	}
	if *b.Detail.CurrentPhase != string(api.BuildBatchPhaseTypeInProgress) {
		return nil, nil
	}
	states := b.states()
	failed := slices.Contains(states, groupFailed)
	if failed && b.fastFail() {
		if stopped, err = s.abortMembers(tx, b, api.StatusTypeStopped, now); err != nil {
			return nil, err
		}
		if err := b.refresh(tx); err != nil {
			return nil, err
		}
		states = b.states()
	} else {
		for i := range states {
			if !b.ready(i, states) {
				continue
			}
			if err := s.startMember(tx, b, i, now); err != nil {
				if aws.ErrorCode(err) == "" {
					return nil, err
				}
				more, abortErr := s.abortBatch(tx, b, api.StatusTypeFailed, contexts(clientError("%s", serviceError(err))), now)
				return append(stopped, more...), abortErr
			}
			states[i] = groupRunning
		}
		if err := b.refresh(tx); err != nil {
			return nil, err
		}
	}
	switch {
	case slices.Contains(states, groupRunning):
	case failed:
		var names []string
		for i, state := range states {
			if state == groupFailed {
				names = append(names, b.Members[i].Spec.Identifier)
			}
		}
		return stopped, s.failBatch(tx, b, fail("BATCH_BUILD_FAILED", "Builds of the batch failed: %s", strings.Join(names, ", ")), now)
	default:
		b.leave(api.StatusTypeSucceeded, nil, now)
		b.enter(api.BuildBatchPhaseTypeCombineArtifacts, now)
		if err := s.Tasks.Schedule(tx, combineTask, b.taskKey(), now, nil); err != nil {
			return nil, err
		}
	}
	return stopped, buildBatches.Put(tx, b)
}

// contexts are those of a phase that failed.
func contexts(f *failure) []api.PhaseContext {
	return []api.PhaseContext{{StatusCode: &f.code, Message: &f.message}}
}

// failBatch ends a batch, none of whose builds runs, in a phase that failed.
func (s *Service) failBatch(tx *store.Tx, b *buildBatch, f *failure, now time.Time) error {
	b.leave(f.status, contexts(f), now)
	b.end(f.status, now)
	if err := s.Tasks.Cancel(tx, batchTimeoutTask, b.taskKey()); err != nil {
		return err
	}
	return buildBatches.Put(tx, b)
}

// abortMembers ends the builds of a batch that have not ended, and returns their tasks.
func (s *Service) abortMembers(tx *store.Tx, b *buildBatch, status api.StatusType, now time.Time) (stopped []string, err error) {
	for i := range b.Members {
		if b.Members[i].Build == "" {
			continue
		}
		one, err := builds.Get(tx, store.K(b.Account, b.Region, b.Members[i].Build))
		if errors.Is(err, store.ErrNotFound) || err == nil && one.complete() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := s.abort(tx, one, status, nil, now); err != nil {
			return nil, err
		}
		stopped = append(stopped, one.taskKey())
	}
	return stopped, nil
}

// abortBatch ends a batch from outside, with its builds.
func (s *Service) abortBatch(tx *store.Tx, b *buildBatch, status api.StatusType, contexts []api.PhaseContext, now time.Time) (stopped []string, err error) {
	member := status
	if member == api.StatusTypeFailed {
		member = api.StatusTypeStopped
	}
	if stopped, err = s.abortMembers(tx, b, member, now); err != nil {
		return nil, err
	}
	if err := b.refresh(tx); err != nil {
		return nil, err
	}
	b.leave(status, contexts, now)
	b.end(status, now)
	if err := s.Tasks.Cancel(tx, batchTimeoutTask, b.taskKey()); err != nil {
		return nil, err
	}
	return stopped, buildBatches.Put(tx, b)
}

// cancelAll ends the contexts of builds that were stopped.
func (s *Service) cancelAll(names []string) {
	for _, name := range names {
		s.cancel(name, errStopped)
	}
}

// reconcileBatchTimeout ends a batch whose time is up.
func (s *Service) reconcileBatchTimeout(ctx context.Context, t task.Task) (task.Next, error) {
	now := s.Clock.Now()
	var stopped []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		stopped = nil
		b, err := buildBatches.Get(tx, keyOfTask(t.Key))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return nil
		}
		if err != nil {
			return err
		}
		pending, err := s.Tasks.Pending(tx, batchTimeoutTask, t.Key)
		if errors.Is(err, store.ErrNotFound) || err == nil && pending.Version != t.Version {
			return nil // it was retried just now and has its whole time before it
		}
		if err != nil {
			return err
		}
		shown := []api.PhaseContext{{StatusCode: new("BUILD_BATCH_TIMED_OUT"), Message: new("Build batch has timed out.")}}
		stopped, err = s.abortBatch(tx, b, api.StatusTypeTimedOut, shown, now)
		return err
	})
	if err != nil {
		return task.Done, err
	}
	s.cancelAll(stopped)
	return task.Done, nil
}

var errNotYet = errors.New("the source is still being downloaded")

// expansion is what came of finding the members of a batch.
type expansion struct {
	failure *failure
	err     error
}

// expandBatch finds the members of a batch when its source has been downloaded. A batch that is retried has them.
func (s *Service) expandBatch(tx *store.Tx, b *buildBatch, denied error) expansion {
	first, err := builds.Get(tx, store.K(b.Account, b.Region, b.Members[0].Build))
	switch {
	case errors.Is(err, store.ErrNotFound) && len(b.Members) == 1:
		return expansion{failure: clientError("The build that downloads the source was deleted")}
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return expansion{err: err}
	case err == nil && !first.complete():
		return expansion{err: errNotYet}
	case err == nil && *first.Detail.BuildStatus != api.StatusTypeSucceeded:
		return expansion{failure: first.failed()}
	}
	if denied != nil {
		return expansion{failure: fail("ACCESS_DENIED", "%s", serviceError(denied))}
	}
	if len(b.Members) > 1 {
		return expansion{}
	}
	spec, err := buildspec.Parse([]byte(b.Specification))
	if err != nil {
		return expansion{failure: fail(buildspec.StatusCode, "%s", err)}
	}
	found, f := b.plan(spec)
	if f != nil {
		return expansion{failure: f}
	}
	for _, m := range found {
		on := orEmpty(m.DependsOn)
		if len(on) == 0 {
			on = []string{downloadMember}
		}
		b.Members = append(b.Members, batchMember{Spec: m})
		b.Detail.BuildGroups = append(b.Detail.BuildGroups, api.BuildGroup{Identifier: &m.Identifier, DependsOn: on, IgnoreFailure: &m.IgnoreFailure})
	}
	return expansion{}
}

// failed is why a build that has ended did not succeed.
func (b *build) failed() *failure {
	f := &failure{status: *b.Detail.BuildStatus, code: "CLIENT_ERROR", message: fmt.Sprintf("Build %s ended as %s", b.ID, *b.Detail.BuildStatus)}
	for _, p := range b.Detail.Phases {
		if s := value(p.PhaseStatus); s != "" && s != api.StatusTypeSucceeded && len(p.Contexts) > 0 {
			f.code, f.message = value(p.Contexts[0].StatusCode), value(p.Contexts[0].Message)
			break
		}
	}
	return f
}

// plan finds the members in the build specification and holds them against the restrictions.
func (b *buildBatch) plan(spec *buildspec.Spec) ([]buildspec.BatchBuild, *failure) {
	if spec.Batch == nil {
		return nil, fail(buildspec.StatusCode, "The build specification has no batch")
	}
	if spec.Batch.Fanout != nil {
		return nil, fail(buildspec.StatusCode, "NotImplemented: drydock does not implement build-fanout of build specifications.")
	}
	if spec.Batch.Matrix != nil && value(b.Detail.DebugSessionEnabled) {
		return nil, clientError("Session debugging is not supported for matrix batch builds")
	}
	found, ok := spec.Batch.Builds()
	limit := buildspec.MaxBatchBuilds
	var restrictions api.BatchRestrictions
	if r := b.Plan.BuildBatchConfig.Restrictions; r != nil {
		restrictions = *r
	}
	if n := restrictions.MaximumBuildsAllowed; n != nil {
		limit = int(*n)
	}
	switch {
	case !ok || len(found) > limit:
		return nil, clientError("The batch has more builds than the %d that are allowed", limit)
	case len(found) == 0:
		return nil, fail(buildspec.StatusCode, "The batch of the build specification has no builds")
	}
	for i := range found {
		m := &found[i]
		compute, fleet := m.Env.ComputeType, m.Env.Fleet
		if compute == "" {
			compute = string(b.Plan.Environment.ComputeType)
		}
		if fleet == "" && b.Plan.Environment.Fleet != nil {
			fleet = value(b.Plan.Environment.Fleet.FleetARN)
		}
		switch {
		case m.Identifier == downloadMember:
			return nil, fail(buildspec.StatusCode, "The identifier %s is CodeBuild's own", downloadMember)
		case len(restrictions.ComputeTypesAllowed) > 0 && !slices.Contains(restrictions.ComputeTypesAllowed, compute):
			return nil, clientError("Compute type %s of build %s is not allowed in the batch", compute, m.Identifier)
		case fleet != "" && len(restrictions.FleetsAllowed) > 0 && !slices.Contains(restrictions.FleetsAllowed, fleet):
			return nil, clientError("Fleet %s of build %s is not allowed in the batch", fleet, m.Identifier)
		}
	}
	return found, nil
}

// fastFail tells whether the first failure ends the batch.
func (b *buildBatch) fastFail() bool {
	spec, err := buildspec.Parse([]byte(b.Specification))
	return err == nil && spec.Batch != nil && spec.Batch.FastFail
}
