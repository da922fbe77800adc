package codebuild

import (
	"errors"
	"slices"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// project is a build project.
type project struct {
	Account, Region, Name string
	// ID tells the project from earlier ones of the same name.
	ID string
	// Created and Modified repeat what Detail has, for the indexes.
	Created, Modified time.Time
	// Builds counts the builds started so far: the last build's number.
	Builds int64
	// Batches counts the batches likewise.
	Batches int64
	// BadgeToken is what the URL of the project's badge has; Public is where the project is seen by everyone.
	BadgeToken, Public string
	Detail             api.Project
}

func projectCreatedKey(p *project) store.Key  { return store.K(p.Account, p.Region, p.Created) }
func projectModifiedKey(p *project) store.Key { return store.K(p.Account, p.Region, p.Modified) }

var (
	projectsByCreated  = store.NewIndex("created", func(p *project) []store.Key { return []store.Key{projectCreatedKey(p)} })
	projectsByModified = store.NewIndex("modified", func(p *project) []store.Key { return []store.Key{projectModifiedKey(p)} })
	projects           = store.NewTable("codebuild/project", func(p *project) store.Key { return store.K(p.Account, p.Region, p.Name) },
		projectsByCreated, projectsByModified, projectsByBadge, projectsByPublic)
	projectsByBadge = store.NewIndex("badge", func(p *project) []store.Key {
		if p.BadgeToken == "" {
			return nil
		}
		return []store.Key{store.K(p.BadgeToken)}
	})
	projectsByPublic = store.NewIndex("public", func(p *project) []store.Key {
		if p.Public == "" {
			return nil
		}
		return []store.Key{store.K(p.Public)}
	})
)

func projectARN(call *aws.Call, name string) string {
	return call.ARN("codebuild", "project/"+name).String()
}

// getProject returns the caller's project, given by name or ARN.
func getProject(tx *store.Tx, call *aws.Call, name string) (*project, error) {
	p, err := projects.Get(tx, store.K(call.Account, call.Region, ownName(call, "project/", name)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noProject(call, name)
	}
	return p, err
}

func noProject(call *aws.Call, name string) error {
	return api.NewResourceNotFoundException("Project cannot be found: %s", arnOr(call, name))
}

// ownName is the name in an ARN of the caller's account and region. Anything else is returned as it is; a foreign ARN
// then is the name of nothing.
func ownName(call *aws.Call, kind, name string) string {
	arn, err := aws.ParseARN(name)
	if err != nil || arn.Account != call.Account || arn.Region != call.Region {
		return name
	}
	return trimKind(arn.Resource, kind)
}

func arnOr(call *aws.Call, name string) string {
	if _, err := aws.ParseARN(name); err == nil {
		return name
	}
	return projectARN(call, name)
}

// createProject makes a project.
func (s *Service) createProject(call *aws.Call, in *api.CreateProjectInput) (*api.CreateProjectOutput, error) {
	now := call.Now()
	p := &project{Account: call.Account, Region: call.Region, Name: in.Name, ID: call.NewUUID(), Created: now, Modified: now}
	p.Detail = api.Project{
		Name: &in.Name, ARN: new(projectARN(call, in.Name)), Description: in.Description,
		Source: &in.Source, SecondarySources: in.SecondarySources, SourceVersion: in.SourceVersion,
		SecondarySourceVersions: in.SecondarySourceVersions, Artifacts: &in.Artifacts, SecondaryArtifacts: in.SecondaryArtifacts,
		Cache: in.Cache, Environment: &in.Environment, ServiceRole: &in.ServiceRole,
		TimeoutInMinutes: in.TimeoutInMinutes, QueuedTimeoutInMinutes: in.QueuedTimeoutInMinutes, EncryptionKey: in.EncryptionKey,
		Tags: in.Tags, LogsConfig: in.LogsConfig, ConcurrentBuildLimit: in.ConcurrentBuildLimit, AutoRetryLimit: in.AutoRetryLimit,
		Created: &now, LastModified: &now,
		ProjectVisibility: new(api.ProjectVisibilityTypePrivate),
	}
	if err := refuseUnsupported(in.VPCConfig, in.FileSystemLocations); err != nil {
		return nil, err
	}
	if err := completeProject(call, &p.Detail); err != nil {
		return nil, err
	}
	if err := s.checkRole(call, &p.Detail); err != nil {
		return nil, err
	}
	batch, err := s.checkBatchConfig(call, in.BuildBatchConfig)
	if err != nil {
		return nil, err
	}
	p.Detail.BuildBatchConfig = batch
	if err := setBadge(p, in.BadgeEnabled, call.NewHex(40)); err != nil {
		return nil, err
	}
	var shown *api.Project
	err = s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := projects.Has(tx, projects.Key(p))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("Project already exists: %s", *p.Detail.ARN)
		}
		count := 0
		for _, err := range projects.Scan(tx, store.Range{Prefix: store.K(p.Account, p.Region)}) {
			if err != nil {
				return err
			}
			if count++; count == maxProjects {
				return api.NewAccountLimitExceededException("Cannot have more than %d projects in this account", maxProjects)
			}
		}
		if err := projects.Put(tx, p); err != nil {
			return err
		}
		shown, err = s.shownProject(tx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateProjectOutput{Project: shown}, nil
}

// batchGetProjects shows projects by their names or ARNs.
func (s *Service) batchGetProjects(call *aws.Call, in *api.BatchGetProjectsInput) (*api.BatchGetProjectsOutput, error) {
	places := make([]place, len(in.Names))
	for i, name := range in.Names {
		var err error
		if places[i], err = placeOf(call, "project/", name, nil); err != nil {
			return nil, err
		}
	}
	var out *api.BatchGetProjectsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetProjectsOutput{Projects: []api.Project{}, ProjectsNotFound: []string{}}
		for i, name := range in.Names {
			p, err := projects.Get(tx, store.K(places[i].account, places[i].region, places[i].name))
			switch {
			case errors.Is(err, store.ErrNotFound):
				out.ProjectsNotFound = append(out.ProjectsNotFound, name)
			case err != nil:
				return err
			default:
				shown, err := s.shownProject(tx, p)
				if err != nil {
					return err
				}
				out.Projects = append(out.Projects, *shown)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listProjects lists the names of projects.
func (s *Service) listProjects(call *aws.Call, in *api.ListProjectsInput) (*api.ListProjectsOutput, error) {
	by := listing[project]{projects.Scan, projects.Key}
	switch value(in.SortBy) {
	case api.ProjectSortByTypeCreatedTime:
		by = along(projectsByCreated, projectCreatedKey)
	case api.ProjectSortByTypeLastModifiedTime:
		by = along(projectsByModified, projectModifiedKey)
	case api.ProjectSortByTypeName:
	}
	r, err := pageRange(store.K(call.Account, call.Region), descending(in.SortOrder, false), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListProjectsOutput{}
	err = s.DB.View(call, func(tx *store.Tx) error {
		found, next, err := by.page(tx, r, pageSize)
		out.Projects, out.NextToken = []string{}, next
		for _, p := range found {
			out.Projects = append(out.Projects, p.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateProject changes what the input names.
func (s *Service) updateProject(call *aws.Call, in *api.UpdateProjectInput) (*api.UpdateProjectOutput, error) {
	if err := refuseUnsupported(in.VPCConfig, in.FileSystemLocations); err != nil {
		return nil, err
	}
	batch, err := s.checkBatchConfig(call, in.BuildBatchConfig)
	if err != nil {
		return nil, err
	}
	if in.ServiceRole != nil {
		checked := api.Project{ServiceRole: in.ServiceRole}
		if err := s.checkRole(call, &checked); err != nil {
			return nil, err
		}
		in.ServiceRole = checked.ServiceRole
	}
	now, badge := call.Now(), call.NewHex(40)
	var detail *api.Project
	err = s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.Name)
		if err != nil {
			return err
		}
		d := &p.Detail
		override(&d.Description, in.Description)
		override(&d.Source, in.Source)
		override(&d.SourceVersion, in.SourceVersion)
		override(&d.Artifacts, in.Artifacts)
		override(&d.Cache, in.Cache)
		override(&d.Environment, in.Environment)
		override(&d.ServiceRole, in.ServiceRole)
		override(&d.TimeoutInMinutes, in.TimeoutInMinutes)
		override(&d.QueuedTimeoutInMinutes, in.QueuedTimeoutInMinutes)
		override(&d.EncryptionKey, in.EncryptionKey)
		override(&d.LogsConfig, in.LogsConfig)
		override(&d.ConcurrentBuildLimit, in.ConcurrentBuildLimit)
		override(&d.AutoRetryLimit, in.AutoRetryLimit)
		if in.BuildBatchConfig != nil {
			d.BuildBatchConfig = batch
		}
		overrideList(&d.SecondarySources, in.SecondarySources)
		overrideList(&d.SecondarySourceVersions, in.SecondarySourceVersions)
		overrideList(&d.SecondaryArtifacts, in.SecondaryArtifacts)
		overrideList(&d.Tags, in.Tags)
		if in.ConcurrentBuildLimit != nil && *in.ConcurrentBuildLimit == -1 {
			d.ConcurrentBuildLimit = nil // documented as the way to remove the limit
		}
		if err := completeProject(call, d); err != nil {
			return err
		}
		if err := setBadge(p, in.BadgeEnabled, badge); err != nil {
			return err
		}
		p.Modified, d.LastModified = now, &now
		if err := projects.Put(tx, p); err != nil {
			return err
		}
		detail, err = s.shownProject(tx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateProjectOutput{Project: detail}, nil
}

func override[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func overrideList[T any](to *[]T, from []T) {
	if from != nil {
		*to = from
	}
}

// deleteProject removes a project and its cache. Its builds stay, as at AWS. A project that is not there is no error.
func (s *Service) deleteProject(call *aws.Call, in *api.DeleteProjectInput) (*api.DeleteProjectOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.Name)
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.dropCache(tx, p.ID, call.Now()); err != nil {
			return err
		}
		if _, err := resourcePolicies.Delete(tx, store.K(*p.Detail.ARN)); err != nil {
			return err
		}
		if _, err := webhooks.Delete(tx, projects.Key(p)); err != nil { // which are named alike
			return err
		}
		_, err = projects.Delete(tx, projects.Key(p))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteProjectOutput{}, nil
}

// invalidateProjectCache forgets the project's local cache. One in S3 gets a new name, so that the old one is not read
// again; as at AWS its object stays.
func (s *Service) invalidateProjectCache(call *aws.Call, in *api.InvalidateProjectCacheInput) (*api.InvalidateProjectCacheOutput, error) {
	fresh := call.NewUUID()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return err
		}
		if err := s.dropCache(tx, p.ID, call.Now()); err != nil {
			return err
		}
		p.ID = fresh
		return projects.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.InvalidateProjectCacheOutput{}, nil
}

// value is what an optional member holds, or its zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// repeatedTag tells whether a tag key stands twice.
func repeatedTag(tags []api.Tag) bool {
	var keys []string
	for _, t := range tags {
		keys = append(keys, value(t.Key))
	}
	slices.Sort(keys)
	return len(slices.Compact(keys)) < len(tags)
}
