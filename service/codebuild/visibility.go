package codebuild

import (
	"errors"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// updateProjectVisibility lets everyone see a project's builds, or ends that. They are seen on the data plane: see
// servePublic.
func (s *Service) updateProjectVisibility(call *aws.Call, in *api.UpdateProjectVisibilityInput) (*api.UpdateProjectVisibilityOutput, error) {
	if !strings.HasPrefix(in.ProjectARN, "arn:") {
		return nil, api.NewInvalidInputException("Invalid project ARN: %s", in.ProjectARN)
	}
	var checked api.Project
	if in.ResourceAccessRole != nil {
		checked.ServiceRole = in.ResourceAccessRole
		if err := s.checkRole(call, &checked); err != nil {
			return nil, err
		}
	}
	alias := call.NewHex(32)
	out := &api.UpdateProjectVisibilityOutput{ProjectARN: &in.ProjectARN, ProjectVisibility: &in.ProjectVisibility}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectARN)
		if err != nil {
			return err
		}
		d := &p.Detail
		d.ProjectVisibility = &in.ProjectVisibility
		override(&d.ResourceAccessRole, checked.ServiceRole)
		if in.ProjectVisibility == api.ProjectVisibilityTypePrivate {
			p.Public, d.PublicProjectAlias = "", nil
		} else if p.Public == "" {
			p.Public, d.PublicProjectAlias = alias, &alias
		}
		out.PublicProjectAlias = d.PublicProjectAlias
		return projects.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// setBadge gives a project a badge, or takes it away.
func setBadge(p *project, enabled *bool, token string) error {
	if enabled == nil {
		return checkBadge(p)
	}
	if !*enabled {
		p.BadgeToken = ""
	} else if p.BadgeToken == "" {
		p.BadgeToken = token
	}
	return checkBadge(p)
}

// checkBadge refuses a badge for a source without branches.
func checkBadge(p *project) error {
	if p.BadgeToken == "" {
		return nil
	}
	switch t := p.Detail.Source.Type; t {
	case api.SourceTypeS3, api.SourceTypeCodepipeline, api.SourceTypeNoSource:
		return api.NewInvalidInputException("Build badges are not supported for source type %s", t)
	case api.SourceTypeCodecommit, api.SourceTypeGithub, api.SourceTypeGithubEnterprise, api.SourceTypeBitbucket, api.SourceTypeGitlab, api.SourceTypeGitlabSelfManaged:
	}
	return nil
}

// shownProject is a project as the API shows it: with its webhook, and the URL of its badge, which depends on where the
// cloud listens.
func (s *Service) shownProject(tx *store.Tx, p *project) (*api.Project, error) {
	d := p.Detail
	d.Badge = &api.ProjectBadge{BadgeEnabled: new(p.BadgeToken != "")}
	if p.BadgeToken != "" {
		d.Badge.BadgeRequestURL = new(strings.TrimSuffix(s.Endpoint(), "/") + planePrefix + "badges?uuid=" + p.BadgeToken + "&branch=main")
	}
	w, err := webhooks.Get(tx, store.K(p.Account, p.Region, p.Name))
	switch {
	case err == nil:
		d.Webhook = s.shownWebhook(w)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return &d, nil
}
