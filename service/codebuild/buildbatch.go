package codebuild

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/lang/buildspec"
	"drydock/store"
)

// downloadMember is the identifier of the build that every batch begins with: it fetches the source and finds out what
// the batch is made of.
const downloadMember = "DOWNLOAD_SOURCE"

// buildBatch is a batch of builds. Detail is what the API shows; the rest drives it.
type buildBatch struct {
	Account, Region string
	// ID is "project:uuid".
	ID string
	// Started and Number order the lists.
	Started time.Time
	Number  int64
	// Plan is the project as this batch wants it, Version the source's version as asked for.
	Plan    api.Project
	Version *string
	// Specification is the text of the build specification, once it has been found.
	Specification string
	// Members are the builds of the batch, in the order of Detail.BuildGroups.
	Members []batchMember
	// Token and InputHash recognise a repeated request.
	Token, InputHash string
	Detail           api.BuildBatch
}

// batchMember is one build of a batch. Build is the id of its current one, empty before it was started; Attempt counts
// the earlier ones.
type batchMember struct {
	Spec    buildspec.BatchBuild
	Build   string
	Attempt int
}

func batchTimeKey(b *buildBatch) store.Key {
	return store.K(b.Account, b.Region, b.Started, b.Number)
}
func batchStatusKey(b *buildBatch) store.Key {
	return store.K(b.Account, b.Region, string(*b.Detail.BuildBatchStatus), b.Started, b.Number)
}
func batchProjectKey(b *buildBatch) store.Key {
	return store.K(b.Account, b.Region, *b.Detail.ProjectName, b.Started, b.Number)
}
func batchProjectStatusKey(b *buildBatch) store.Key {
	return store.K(b.Account, b.Region, *b.Detail.ProjectName, string(*b.Detail.BuildBatchStatus), b.Started, b.Number)
}

var (
	batchesByTime          = store.NewIndex("started", func(b *buildBatch) []store.Key { return []store.Key{batchTimeKey(b)} })
	batchesByStatus        = store.NewIndex("status", func(b *buildBatch) []store.Key { return []store.Key{batchStatusKey(b)} })
	batchesByProject       = store.NewIndex("project", func(b *buildBatch) []store.Key { return []store.Key{batchProjectKey(b)} })
	batchesByProjectStatus = store.NewIndex("projectstatus", func(b *buildBatch) []store.Key { return []store.Key{batchProjectStatusKey(b)} })
	batchesByToken         = store.NewIndex("token", func(b *buildBatch) []store.Key {
		if b.Token == "" {
			return nil
		}
		return []store.Key{store.K(b.Account, b.Region, b.Token)}
	})
	buildBatches = store.NewTable("codebuild/batch", func(b *buildBatch) store.Key { return store.K(b.Account, b.Region, b.ID) },
		batchesByTime, batchesByStatus, batchesByProject, batchesByProjectStatus, batchesByToken)
)

func (b *buildBatch) taskKey() string { return b.Account + "/" + b.Region + "/" + b.ID }

func (b *buildBatch) uuid() string { return uuidOf(b.ID) }

func (b *buildBatch) complete() bool { return value(b.Detail.Complete) }

// enter begins a phase.
func (b *buildBatch) enter(phase api.BuildBatchPhaseType, now time.Time) {
	b.Detail.Phases = append(b.Detail.Phases, api.BuildBatchPhase{PhaseType: &phase, StartTime: &now})
	b.Detail.CurrentPhase = new(string(phase))
}

// leave ends the current phase.
func (b *buildBatch) leave(status api.StatusType, contexts []api.PhaseContext, now time.Time) {
	p := &b.Detail.Phases[len(b.Detail.Phases)-1]
	p.PhaseStatus, p.EndTime, p.Contexts = &status, &now, contexts
	p.DurationInSeconds = new(int64(now.Sub(*p.StartTime) / time.Second))
}

// end completes the batch.
func (b *buildBatch) end(status api.StatusType, now time.Time) {
	last := api.BuildBatchPhaseTypeFailed
	switch status {
	case api.StatusTypeSucceeded:
		last = api.BuildBatchPhaseTypeSucceeded
	case api.StatusTypeStopped:
		last = api.BuildBatchPhaseTypeStopped
	case api.StatusTypeFailed, api.StatusTypeFault, api.StatusTypeTimedOut, api.StatusTypeInProgress:
	}
	b.enter(last, now)
	b.Detail.BuildBatchStatus, b.Detail.EndTime, b.Detail.Complete = &status, &now, new(true)
}

// uuidOf is the part of an id behind its project's name.
func uuidOf(id string) string {
	return id[strings.LastIndexByte(id, ':')+1:]
}

func getBatch(tx *store.Tx, call *aws.Call, id string) (*buildBatch, error) {
	b, err := buildBatches.Get(tx, store.K(call.Account, call.Region, ownName(call, "build-batch/", id)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("Build batch %s does not exist", id)
	}
	return b, err
}

// batchGetBuildBatches shows batches by their ids or ARNs.
func (s *Service) batchGetBuildBatches(call *aws.Call, in *api.BatchGetBuildBatchesInput) (*api.BatchGetBuildBatchesOutput, error) {
	places := make([]place, len(in.IDs))
	for i, id := range in.IDs {
		var err error
		if places[i], err = placeOf(call, "build-batch/", id, projectOfBuild); err != nil {
			return nil, err
		}
	}
	var out *api.BatchGetBuildBatchesOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetBuildBatchesOutput{BuildBatches: []api.BuildBatch{}, BuildBatchesNotFound: []string{}}
		for i, p := range places {
			b, err := buildBatches.Get(tx, store.K(p.account, p.region, p.name))
			switch {
			case errors.Is(err, store.ErrNotFound):
				out.BuildBatchesNotFound = append(out.BuildBatchesNotFound, in.IDs[i])
			case err != nil:
				return err
			default:
				if err := b.refresh(tx); err != nil {
					return err
				}
				out.BuildBatches = append(out.BuildBatches, b.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listBuildBatches lists the ids of all batches, the latest first unless asked otherwise.
func (s *Service) listBuildBatches(call *aws.Call, in *api.ListBuildBatchesInput) (*api.ListBuildBatchesOutput, error) {
	by, prefix := along(batchesByTime, batchTimeKey), store.K(call.Account, call.Region)
	if in.Filter != nil && in.Filter.Status != nil {
		by, prefix = along(batchesByStatus, batchStatusKey), store.K(call.Account, call.Region, string(*in.Filter.Status))
	}
	ids, next, err := s.pageBatches(call, by, prefix, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildBatchesOutput{IDs: ids, NextToken: next}, nil
}

// listBuildBatchesForProject lists the ids of a project's batches.
func (s *Service) listBuildBatchesForProject(call *aws.Call, in *api.ListBuildBatchesForProjectInput) (*api.ListBuildBatchesForProjectOutput, error) {
	if value(in.ProjectName) == "" {
		return nil, api.NewInvalidInputException("Project name must be specified")
	}
	p, err := s.seenProject(call, *in.ProjectName)
	if err != nil {
		return nil, err
	}
	by, prefix := along(batchesByProject, batchProjectKey), store.K(p.account, p.region, p.name)
	if in.Filter != nil && in.Filter.Status != nil {
		by, prefix = along(batchesByProjectStatus, batchProjectStatusKey), store.K(p.account, p.region, p.name, string(*in.Filter.Status))
	}
	ids, next, err := s.pageBatches(call, by, prefix, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildBatchesForProjectOutput{IDs: ids, NextToken: next}, nil
}

func (s *Service) pageBatches(call *aws.Call, by listing[buildBatch], prefix store.Key, order *api.SortOrderType, token *string, limit *int32) (ids []string, next *string, err error) {
	r, err := pageRange(prefix, descending(order, true), token)
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		var found []*buildBatch
		var err error
		found, next, err = by.page(tx, r, pageLimit(limit))
		ids = []string{}
		for _, b := range found {
			ids = append(ids, b.ID)
		}
		return err
	})
	return ids, next, err
}

// stopBuildBatch ends a batch with its builds. One that has ended stays as it is.
func (s *Service) stopBuildBatch(call *aws.Call, in *api.StopBuildBatchInput) (*api.StopBuildBatchOutput, error) {
	var detail api.BuildBatch
	var stopped []string
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		stopped = nil
		b, err := getBatch(tx, call, in.ID)
		if err != nil {
			return err
		}
		if !b.complete() {
			if stopped, err = s.abortBatch(tx, b, api.StatusTypeStopped, nil, now); err != nil {
				return err
			}
		}
		detail = b.Detail
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.cancelAll(stopped)
	return &api.StopBuildBatchOutput{BuildBatch: &detail}, nil
}

// deleteBuildBatch removes a batch that has ended, with its builds.
func (s *Service) deleteBuildBatch(call *aws.Call, in *api.DeleteBuildBatchInput) (*api.DeleteBuildBatchOutput, error) {
	var out *api.DeleteBuildBatchOutput
	err := s.DB.Update(call, func(tx *store.Tx) error {
		out = &api.DeleteBuildBatchOutput{StatusCode: new("BATCH_DELETED"), BuildsDeleted: []string{}, BuildsNotDeleted: []api.BuildNotDeleted{}}
		b, err := getBatch(tx, call, in.ID)
		if aws.IsError(err, "ResourceNotFoundException") { // which the model does not have for this operation
			return api.NewInvalidInputException("Build batch %s does not exist", in.ID)
		}
		if err != nil {
			return err
		}
		if !b.complete() {
			return api.NewInvalidInputException("Build batch %s is still in progress and cannot be deleted", in.ID)
		}
		for _, id := range b.builds() {
			one, err := builds.Get(tx, store.K(b.Account, b.Region, id))
			switch {
			case errors.Is(err, store.ErrNotFound):
				continue // deleted by itself
			case err != nil:
				return err
			case one.Slot:
				out.BuildsNotDeleted = append(out.BuildsNotDeleted, api.BuildNotDeleted{ID: one.Detail.ARN, StatusCode: new("BUILD_IN_PROGRESS")})
				continue
			}
			if _, err := builds.Delete(tx, builds.Key(one)); err != nil {
				return err
			}
			out.BuildsDeleted = append(out.BuildsDeleted, *one.Detail.ARN)
		}
		_, err = buildBatches.Delete(tx, buildBatches.Key(b))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// builds are the ids of all builds that the batch has had.
func (b *buildBatch) builds() (ids []string) {
	for _, m := range b.Members {
		for attempt := range m.Attempt {
			ids = append(ids, b.buildID(&m, attempt))
		}
		if m.Build != "" {
			ids = append(ids, m.Build)
		}
	}
	return ids
}
