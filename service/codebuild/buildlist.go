package codebuild

import (
	"errors"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// batchGetBuilds shows builds by their ids or ARNs.
func (s *Service) batchGetBuilds(call *aws.Call, in *api.BatchGetBuildsInput) (*api.BatchGetBuildsOutput, error) {
	places := make([]place, len(in.IDs))
	for i, id := range in.IDs {
		var err error
		if places[i], err = placeOf(call, "build/", id, projectOfBuild); err != nil {
			return nil, err
		}
	}
	var out *api.BatchGetBuildsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetBuildsOutput{Builds: []api.Build{}, BuildsNotFound: []string{}}
		for i, id := range in.IDs {
			b, err := builds.Get(tx, store.K(places[i].account, places[i].region, places[i].name))
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
	ids, next, err := s.pageBuilds(call, along(buildsByTime, buildTimeKey), store.K(call.Account, call.Region), in.SortOrder, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildsOutput{IDs: ids, NextToken: next}, nil
}

// listBuildsForProject lists the ids of a project's builds.
func (s *Service) listBuildsForProject(call *aws.Call, in *api.ListBuildsForProjectInput) (*api.ListBuildsForProjectOutput, error) {
	of, err := s.seenProject(call, in.ProjectName)
	if err != nil {
		return nil, err
	}
	ids, next, err := s.pageBuilds(call, along(buildsByProject, buildProjectKey), store.K(of.account, of.region, of.name), in.SortOrder, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListBuildsForProjectOutput{IDs: ids, NextToken: next}, nil
}

// seenProject is the place of a project that is there and that the caller may see.
func (s *Service) seenProject(call *aws.Call, name string) (place, error) {
	p, err := placeOf(call, "project/", name, nil)
	if err != nil {
		return p, err
	}
	return p, s.DB.View(call, func(tx *store.Tx) error {
		exists, err := projects.Has(tx, store.K(p.account, p.region, p.name))
		if err == nil && !exists {
			err = noProject(call, name)
		}
		return err
	})
}

func (s *Service) pageBuilds(call *aws.Call, by listing[build], prefix store.Key, order *api.SortOrderType, token *string) (ids []string, next *string, err error) {
	r, err := pageRange(prefix, descending(order, true), token)
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		var found []*build
		var err error
		found, next, err = by.page(tx, r, pageSize)
		ids = []string{}
		for _, b := range found {
			ids = append(ids, b.ID)
		}
		return err
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
