package codebuild

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// webhook is a project's webhook: what its deliveries have to prove, and which of them start builds. drydock does not
// make it known to the provider of the source; whoever creates it enters the payload URL and the secret there.
type webhook struct {
	Account, Region, Project string
	// Token is what the payload URL has.
	Token string
	// Secret is sealed under the key of the data directory.
	Secret []byte
	Detail api.Webhook
}

var (
	webhooksByToken = store.NewIndex("token", func(w *webhook) []store.Key { return []store.Key{store.K(w.Token)} })
	webhooks        = store.NewTable("codebuild/webhook", func(w *webhook) store.Key { return store.K(w.Account, w.Region, w.Project) }, webhooksByToken)
)

// secretContext ties the sealed secret to its row.
func (w *webhook) secretContext() []byte {
	return []byte("codebuild/webhook/" + w.Account + "/" + w.Region + "/" + w.Project)
}

// shownWebhook is a webhook as the API shows it. Its payload URL depends on where the cloud listens.
func (s *Service) shownWebhook(w *webhook) *api.Webhook {
	d := w.Detail
	d.PayloadURL = new(strings.TrimSuffix(s.Endpoint(), "/") + planePrefix + "webhooks?t=" + w.Token + "&v=1")
	return &d
}

// createWebhook makes a project's webhook. Its secret is shown here only, and where it is rotated.
func (s *Service) createWebhook(call *aws.Call, in *api.CreateWebhookInput) (*api.CreateWebhookOutput, error) {
	if !value(in.ManualCreation) {
		return nil, api.NewOAuthProviderException("drydock creates no webhooks at the source provider. Set manualCreation, and enter the payload URL and the secret at the provider.")
	}
	if err := checkBuildPolicy(in.PullRequestBuildPolicy); err != nil {
		return nil, err
	}
	now, secret := call.Now(), call.NewHex(40)
	w := &webhook{Account: call.Account, Region: call.Region, Project: in.ProjectName, Token: call.NewHex(40), Detail: api.Webhook{
		BranchFilter: in.BranchFilter, FilterGroups: in.FilterGroups, BuildType: in.BuildType, ManualCreation: new(true), LastModifiedSecret: &now,
		ScopeConfiguration: in.ScopeConfiguration, Status: new(api.WebhookStatusActive), PullRequestBuildPolicy: in.PullRequestBuildPolicy,
	}}
	if err := completeWebhook(&w.Detail); err != nil {
		return nil, err
	}
	w.Secret = s.Keys.Wrap([]byte(secret), w.secretContext())
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return err
		}
		if err := checkHooked(p, &w.Detail); err != nil {
			return err
		}
		exists, err := webhooks.Has(tx, webhooks.Key(w))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("Webhook already exists for project %s", in.ProjectName)
		}
		return webhooks.Put(tx, w)
	})
	if err != nil {
		return nil, err
	}
	shown := s.shownWebhook(w)
	shown.Secret = &secret
	return &api.CreateWebhookOutput{Webhook: shown}, nil
}

// checkHooked refuses a webhook for a project whose source has none.
func checkHooked(p *project, w *api.Webhook) error {
	scope := w.ScopeConfiguration
	switch t := p.Detail.Source.Type; t {
	case api.SourceTypeGithub, api.SourceTypeGithubEnterprise:
		if scope != nil && scope.Scope == api.WebhookScopeTypeGitlabGroup {
			return api.NewInvalidInputException("Invalid scope configuration: scope %s is not supported for source type %s", scope.Scope, t)
		}
	case api.SourceTypeGitlab, api.SourceTypeGitlabSelfManaged:
		if scope != nil && scope.Scope != api.WebhookScopeTypeGitlabGroup {
			return api.NewInvalidInputException("Invalid scope configuration: scope %s is not supported for source type %s", scope.Scope, t)
		}
	case api.SourceTypeBitbucket:
		if scope != nil {
			return api.NewInvalidInputException("Invalid scope configuration: it is not supported for source type %s", t)
		}
	case api.SourceTypeCodecommit, api.SourceTypeCodepipeline, api.SourceTypeS3, api.SourceTypeNoSource:
		return api.NewInvalidInputException("Webhooks are not supported for source type %s", t)
	}
	if value(w.BuildType) == api.WebhookBuildTypeBuildBatch && p.Detail.BuildBatchConfig == nil {
		return api.NewInvalidInputException("Project %s is not configured for batch builds", p.Name)
	}
	return nil
}

// checkBuildPolicy refuses builds that wait for a comment: what a commenter may do is known to the provider only.
func checkBuildPolicy(p *api.PullRequestBuildPolicy) error {
	if p != nil && p.RequiresCommentApproval != api.PullRequestBuildCommentApprovalDisabled {
		return notImplemented("requiresCommentApproval " + string(p.RequiresCommentApproval))
	}
	return nil
}

// webhookEvents are the events that a filter of type EVENT may name.
var webhookEvents = []string{
	eventPush, eventCreated, eventUpdated, eventReopened, eventMerged, eventClosed, eventReleased, eventPrereleased,
}

// completeWebhook checks what starts builds and fills in what AWS fills in.
func completeWebhook(w *api.Webhook) error {
	if w.BuildType == nil {
		w.BuildType = new(api.WebhookBuildTypeBuild)
	}
	if *w.BuildType == api.WebhookBuildTypeRunnerBuildkiteBuild {
		return notImplemented("buildType RUNNER_BUILDKITE_BUILD")
	}
	if value(w.BranchFilter) != "" {
		if len(w.FilterGroups) > 0 {
			return api.NewInvalidInputException("branchFilter and filterGroups must not be specified together")
		}
		if _, err := regexp.Compile(*w.BranchFilter); err != nil {
			return api.NewInvalidInputException("Invalid branch filter: %v", err)
		}
	}
	if w.FilterGroups == nil {
		w.FilterGroups = [][]api.WebhookFilter{}
	}
	if len(w.FilterGroups) > maxFilterGroups {
		return api.NewInvalidInputException("Cannot have more than %d filter groups in a webhook", maxFilterGroups)
	}
	for _, group := range w.FilterGroups {
		hasEvent := false
		for i := range group {
			f := &group[i]
			if f.ExcludeMatchedPattern == nil {
				f.ExcludeMatchedPattern = new(false)
			}
			if f.Type == api.WebhookFilterTypeWorkflowName {
				return notImplemented("webhook filters of type WORKFLOW_NAME")
			}
			if f.Type != api.WebhookFilterTypeEvent {
				if _, err := regexp.Compile(f.Pattern); err != nil {
					return api.NewInvalidInputException("Invalid pattern of webhook filter %s: %v", f.Type, err)
				}
				continue
			}
			hasEvent = true
			for name := range strings.SplitSeq(f.Pattern, ",") {
				if name = strings.TrimSpace(name); name == "WORKFLOW_JOB_QUEUED" {
					return notImplemented("webhook event WORKFLOW_JOB_QUEUED")
				} else if !slices.Contains(webhookEvents, name) {
					return api.NewInvalidInputException("Invalid webhook event: %s", name)
				}
			}
		}
		if !hasEvent {
			return api.NewInvalidInputException("Each filter group must have a filter of type EVENT")
		}
	}
	return nil
}

// updateWebhook changes what starts builds. A list of filter groups or a branch filter takes the place of the other.
func (s *Service) updateWebhook(call *aws.Call, in *api.UpdateWebhookInput) (*api.UpdateWebhookOutput, error) {
	if err := checkBuildPolicy(in.PullRequestBuildPolicy); err != nil {
		return nil, err
	}
	now, secret := call.Now(), call.NewHex(40)
	var updated *webhook
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return err
		}
		w, err := webhooks.Get(tx, store.K(p.Account, p.Region, p.Name))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException("Project %s has no webhook", in.ProjectName)
		}
		if err != nil {
			return err
		}
		d := &w.Detail
		if in.BranchFilter != nil {
			d.BranchFilter, d.FilterGroups = in.BranchFilter, in.FilterGroups
		} else if in.FilterGroups != nil {
			d.BranchFilter, d.FilterGroups = nil, in.FilterGroups
		}
		override(&d.BuildType, in.BuildType)
		override(&d.PullRequestBuildPolicy, in.PullRequestBuildPolicy)
		if err := completeWebhook(d); err != nil {
			return err
		}
		if err := checkHooked(p, d); err != nil {
			return err
		}
		if value(in.RotateSecret) {
			w.Secret, d.LastModifiedSecret = s.Keys.Wrap([]byte(secret), w.secretContext()), &now
		}
		updated = w
		return webhooks.Put(tx, w)
	})
	if err != nil {
		return nil, err
	}
	shown := s.shownWebhook(updated)
	if value(in.RotateSecret) {
		shown.Secret = &secret
	}
	return &api.UpdateWebhookOutput{Webhook: shown}, nil
}

// deleteWebhook removes a project's webhook.
func (s *Service) deleteWebhook(call *aws.Call, in *api.DeleteWebhookInput) (*api.DeleteWebhookOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := getProject(tx, call, in.ProjectName)
		if err != nil {
			return err
		}
		existed, err := webhooks.Delete(tx, store.K(p.Account, p.Region, p.Name))
		if err == nil && !existed {
			err = api.NewResourceNotFoundException("Project %s has no webhook", in.ProjectName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteWebhookOutput{}, nil
}

// selects tells whether an event starts a build: all filters of one group match, or the branch filter does. A webhook
// without filters starts builds for pushes and for pull requests that are new or changed.
func selects(w *api.Webhook, e *event) bool {
	if pattern := value(w.BranchFilter); pattern != "" {
		return usual(e) && e.branch != "" && matches(pattern, e.branch)
	}
	if len(w.FilterGroups) == 0 {
		return usual(e)
	}
	return slices.ContainsFunc(w.FilterGroups, func(group []api.WebhookFilter) bool {
		return !slices.ContainsFunc(group, func(f api.WebhookFilter) bool { return !passes(&f, e) })
	})
}

func usual(e *event) bool {
	return slices.Contains([]string{eventPush, eventCreated, eventUpdated, eventReopened}, e.name)
}

// passes tells whether an event passes a filter. What an event's payload does not tell passes no filter, even one that
// excludes.
func passes(f *api.WebhookFilter, e *event) bool {
	var texts []string
	switch f.Type {
	case api.WebhookFilterTypeEvent:
		found := false
		for name := range strings.SplitSeq(f.Pattern, ",") {
			found = found || strings.TrimSpace(name) == e.name
		}
		return found != value(f.ExcludeMatchedPattern)
	case api.WebhookFilterTypeHeadRef:
		texts = one(e.headRef)
	case api.WebhookFilterTypeBaseRef:
		texts = one(e.baseRef)
	case api.WebhookFilterTypeActorAccountID:
		texts = one(e.actor)
	case api.WebhookFilterTypeFilePath:
		texts = e.files
	case api.WebhookFilterTypeCommitMessage:
		texts = one(e.message)
	case api.WebhookFilterTypeTagName:
		texts = one(e.tag)
	case api.WebhookFilterTypeReleaseName:
		texts = one(e.release)
	case api.WebhookFilterTypeRepositoryName:
		texts = one(e.repositoryName())
	case api.WebhookFilterTypeOrganizationName:
		texts = one(e.organization)
	case api.WebhookFilterTypeWorkflowName:
	}
	if len(texts) == 0 {
		return false
	}
	found := slices.ContainsFunc(texts, func(text string) bool { return matches(f.Pattern, text) })
	return found != value(f.ExcludeMatchedPattern)
}

func one(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func matches(pattern, text string) bool {
	p, err := regexp.Compile(pattern)
	return err == nil && p.MatchString(text)
}

// variables are those that a build started by an event has beside its own.
func (e *event) variables() []api.EnvironmentVariable {
	var out []api.EnvironmentVariable
	for _, v := range [][2]string{
		{"CODEBUILD_WEBHOOK_TRIGGER", e.trigger}, {"CODEBUILD_WEBHOOK_EVENT", e.name}, {"CODEBUILD_WEBHOOK_HEAD_REF", e.headRef},
		{"CODEBUILD_WEBHOOK_BASE_REF", e.baseRef}, {"CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID", e.actor}, {"CODEBUILD_WEBHOOK_PREV_COMMIT", e.previous},
		{"CODEBUILD_WEBHOOK_MERGE_COMMIT", e.merged},
	} {
		if v[1] != "" {
			out = append(out, api.EnvironmentVariable{Name: v[0], Value: v[1], Type: new(api.EnvironmentVariableTypePlaintext)})
		}
	}
	return out
}

// startOf starts what a delivery of a webhook asks for. id names the delivery, so that one that is sent again starts
// nothing again.
func (s *Service) startOf(call *aws.Call, w *webhook, e *event, id string) (started string, err error) {
	var location *string
	if w.Detail.ScopeConfiguration != nil && e.cloneURL != "" {
		location = &e.cloneURL
	}
	var token *string
	if id != "" {
		token = new("webhook/" + w.Project + "/" + id)
	}
	if value(w.Detail.BuildType) == api.WebhookBuildTypeBuildBatch {
		batch, err := s.startNewBatch(call, &api.StartBuildBatchInput{
			ProjectName: w.Project, SourceVersion: &e.version, SourceLocationOverride: location,
			EnvironmentVariablesOverride: e.variables(), IdempotencyToken: token,
		}, nil, initiator(&call.Principal))
		if err != nil {
			return "", err
		}
		return *batch.ARN, nil
	}
	in := &api.StartBuildInput{
		ProjectName: w.Project, SourceVersion: &e.version, SourceLocationOverride: location,
		EnvironmentVariablesOverride: e.variables(), IdempotencyToken: token,
	}
	detail, err := s.startNew(call, value(token), in, func(tx *store.Tx) (order, error) {
		p, err := getProject(tx, call, w.Project)
		if err != nil {
			return order{}, err
		}
		d, err := overridden(call, p, in)
		return order{project: p, plan: d, version: in.SourceVersion}, err
	})
	if err != nil {
		return "", err
	}
	return *detail.ARN, nil
}
