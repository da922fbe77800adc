package codebuild

import (
	"encoding/hex"
	"errors"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// batchGetBuilds shows builds by their ids or ARNs.
func (s *Service) batchGetBuilds(call *aws.Call, in *api.BatchGetBuildsInput) (*api.BatchGetBuildsOutput, error) {
	var out *api.BatchGetBuildsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetBuildsOutput{Builds: []api.Build{}, BuildsNotFound: []string{}}
		for _, id := range in.IDs {
			b, err := builds.Get(tx, keyOfBuild(call, id))
			switch {
			case errors.Is(err, store.ErrNotFound):
				out.BuildsNotFound = append(out.BuildsNotFound, id)
			case err != nil:
				return err
			default:
				out.Builds = append(out.Builds, b.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listBuilds lists the ids of all builds, the latest first unless asked otherwise.
func (s *Service) listBuilds(call *aws.Call, in *api.ListBuildsInput) (*api.ListBuildsOutput, error) {
	entry := func(b *build) store.Key {
		return buildsByTime.Entry(b, store.K(b.Account, b.Region, b.Started, b.Number))
	}
	ids, next, err := s.listPage(call, buildsByTime, entry, store.K(call.Account, call.Region), in.SortOrder, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildsOutput{IDs: ids, NextToken: next}, nil
}

// listBuildsForProject lists the ids of a project's builds.
func (s *Service) listBuildsForProject(call *aws.Call, in *api.ListBuildsForProjectInput) (*api.ListBuildsForProjectOutput, error) {
	name := in.ProjectName
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectName)
		if err == nil {
			name = p.Name
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	entry := func(b *build) store.Key {
		return buildsByProject.Entry(b, store.K(b.Account, b.Region, *b.Detail.ProjectName, b.Started, b.Number))
	}
	ids, next, err := s.listPage(call, buildsByProject, entry, store.K(call.Account, call.Region, name), in.SortOrder, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildsForProjectOutput{IDs: ids, NextToken: next}, nil
}

func (s *Service) listPage(call *aws.Call, index *store.Index[build], entry func(*build) store.Key, prefix store.Key, order *api.SortOrderType, token *string) (ids []string, next *string, err error) {
	r := store.Range{Prefix: prefix, Reverse: order == nil || *order == api.SortOrderTypeDescending}
	if r.After, err = pageStart(token); err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		ids = []string{}
		var last *build
		for b, err := range index.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(ids) == pageSize {
				next = new(aws.EncodePageToken(hex.EncodeToString(entry(last))))
				return nil
			}
			last = b
			ids = append(ids, b.ID)
		}
		return nil
	})
	return ids, next, err
}

// stopBuild ends a build. Its machine is killed as soon as the end is recorded. A build that has ended stays as it is.
func (s *Service) stopBuild(call *aws.Call, in *api.StopBuildInput) (*api.StopBuildOutput, error) {
	var detail api.Build
	var name string
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBuild(tx, call, in.ID)
		if err != nil {
			return err
		}
		name = b.taskKey()
		if !b.complete() {
			if err := s.abort(tx, b, api.StatusTypeStopped, nil, now); err != nil {
				return err
			}
		}
		detail = b.Detail
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.cancel(name, errStopped)
	return &api.StopBuildOutput{Build: &detail}, nil
}

// batchDeleteBuilds removes builds that have ended.
func (s *Service) batchDeleteBuilds(call *aws.Call, in *api.BatchDeleteBuildsInput) (*api.BatchDeleteBuildsOutput, error) {
	var out *api.BatchDeleteBuildsOutput
	err := s.DB.Update(call, func(tx *store.Tx) error {
		out = &api.BatchDeleteBuildsOutput{BuildsDeleted: []string{}, BuildsNotDeleted: []api.BuildNotDeleted{}}
		for _, id := range in.IDs {
			b, err := builds.Get(tx, keyOfBuild(call, id))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			switch {
			case err != nil:
				out.BuildsNotDeleted = append(out.BuildsNotDeleted, api.BuildNotDeleted{ID: new(id), StatusCode: new("BUILD_NOT_FOUND")})
			case !b.complete() || b.Slot:
				out.BuildsNotDeleted = append(out.BuildsNotDeleted, api.BuildNotDeleted{ID: new(id), StatusCode: new("BUILD_IN_PROGRESS")})
			default:
				if _, err := builds.Delete(tx, builds.Key(b)); err != nil {
					return err
				}
				out.BuildsDeleted = append(out.BuildsDeleted, *b.Detail.ARN)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
