package codebuild_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/service/servicetest"
)

func gitSource(kind api.SourceType, location string) func(*api.CreateProjectInput) {
	return func(in *api.CreateProjectInput) {
		in.Source = api.ProjectSource{Type: kind, Location: &location, Buildspec: new(noop)}
	}
}

// deliver posts an event to a webhook and returns the status and the answer.
func (b *bench) deliver(t *testing.T, payloadURL string, header map[string]string, body string) (int, string) {
	t.Helper()
	b.URL(t)
	path := payloadURL[strings.Index(payloadURL, "/_codebuild/"):]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL(t)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	out, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return out.StatusCode, strings.TrimSpace(string(text))
}

func hmacOf(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

const (
	githubPush = `{"ref":"refs/heads/main","before":"aaa","after":"bbb","head_commit":{"message":"fix it"},"commits":[{"added":["src/a.go"],"modified":["b"],"removed":[]}],
 "repository":{"full_name":"me/shop","clone_url":"https://github.com/me/shop.git"},"sender":{"id":7}}`
	githubPull = `{"action":"opened","number":3,"pull_request":{"number":3,"head":{"ref":"topic","sha":"ccc"},"base":{"ref":"main"}},"repository":{"full_name":"me/shop"},"sender":{"id":8}}`
	githubTag  = `{"ref":"refs/tags/v1","after":"bbb","repository":{"full_name":"me/shop"},"sender":{"id":7}}`
)

func TestWebhook_StartsBuildsForWhatItsFiltersLetPass(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop, gitSource(api.SourceTypeGithub, "https://github.com/me/shop"))
	made, err := api.CreateWebhook.Do(b.call, &api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	url, secret := *made.Webhook.PayloadURL, *made.Webhook.Secret
	filter := func(pairs ...string) [][]api.WebhookFilter {
		group := []api.WebhookFilter{}
		for i := 0; i < len(pairs); i += 2 {
			kind, excluded := strings.CutPrefix(pairs[i], "!")
			group = append(group, api.WebhookFilter{Type: api.WebhookFilterType(kind), Pattern: pairs[i+1], ExcludeMatchedPattern: &excluded})
		}
		return [][]api.WebhookFilter{group}
	}
	for name, test := range map[string]struct {
		filters     [][]api.WebhookFilter
		event, body string
		trigger     string // "" where nothing starts
	}{
		"push by default":        {nil, "push", githubPush, "branch/main"},
		"push of a branch":       {filter("EVENT", "PUSH", "HEAD_REF", "^refs/heads/main$"), "push", githubPush, "branch/main"},
		"push of another":        {filter("EVENT", "PUSH", "HEAD_REF", "^refs/heads/x$"), "push", githubPush, ""},
		"push of a file":         {filter("EVENT", "PUSH", "FILE_PATH", `\.go$`), "push", githubPush, "branch/main"},
		"push of no such file":   {filter("EVENT", "PUSH", "FILE_PATH", `\.c$`), "push", githubPush, ""},
		"push with a message":    {filter("EVENT", "PUSH", "COMMIT_MESSAGE", "fix", "ACTOR_ACCOUNT_ID", "^7$", "REPOSITORY_NAME", "^shop$"), "push", githubPush, "branch/main"},
		"push that is excluded":  {filter("EVENT", "PUSH", "!HEAD_REF", "main"), "push", githubPush, ""},
		"tag":                    {filter("EVENT", "PUSH", "TAG_NAME", "^v"), "push", githubTag, "tag/v1"},
		"pull request":           {filter("EVENT", "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED", "BASE_REF", "main", "HEAD_REF", "topic"), "pull_request", githubPull, "pr/3"},
		"pull request unwanted":  {filter("EVENT", "PUSH"), "pull_request", githubPull, ""},
		"pull request has files": {filter("EVENT", "PULL_REQUEST_CREATED", "!FILE_PATH", "x"), "pull_request", githubPull, ""},
		"ping":                   {nil, "ping", "{}", ""},
		"deletion":               {nil, "push", `{"ref":"refs/heads/main","deleted":true}`, ""},
	} {
		if _, err := api.UpdateWebhook.Do(b.call, &api.UpdateWebhookInput{ProjectName: "p1", FilterGroups: append([][]api.WebhookFilter{}, test.filters...)}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		header := map[string]string{"X-GitHub-Event": test.event, "X-Hub-Signature-256": hmacOf(secret, test.body), "User-Agent": "GitHub-Hookshot/1", "X-GitHub-Delivery": name}
		status, answer := b.deliver(t, url, header, test.body)
		var got struct{ ARN string }
		if err := json.Unmarshal([]byte(answer), &got); status != 200 || err != nil {
			t.Errorf("%s: %d %s", name, status, answer)
			continue
		}
		if got.ARN == "" {
			if test.trigger != "" {
				t.Errorf("%s: %s", name, answer)
			}
			continue
		}
		_, again := b.deliver(t, url, header, test.body)
		if again != answer {
			t.Errorf("%s, delivered again: %s", name, again)
		}
		build := b.get(t, got.ARN)
		if trigger := build.Environment.EnvironmentVariables[0]; trigger.Value != test.trigger || *build.Initiator != "GitHub-Hookshot/1" {
			t.Errorf("%s: build %+v", name, build)
		}
		if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: got.ARN}); err != nil {
			t.Error(err)
		}
	}
	if status, answer := b.deliver(t, url, map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": hmacOf("other", githubPush)}, githubPush); status != 403 {
		t.Errorf("with another secret: %d %s", status, answer)
	}
	if status, answer := b.deliver(t, url, map[string]string{"X-GitHub-Event": "push"}, githubPush); status != 403 {
		t.Errorf("without a signature: %d %s", status, answer)
	}
	if status, answer := b.deliver(t, "/_codebuild/webhooks?t=none", nil, githubPush); status != 404 {
		t.Errorf("of no webhook: %d %s", status, answer)
	}
	other := strings.ReplaceAll(githubPush, "me/shop", "you/shop")
	if _, err := api.UpdateWebhook.Do(b.call, &api.UpdateWebhookInput{ProjectName: "p1", FilterGroups: [][]api.WebhookFilter{}}); err != nil {
		t.Fatal(err)
	}
	if status, answer := b.deliver(t, url, map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": hmacOf(secret, other)}, other); status != 400 {
		t.Errorf("of another repository: %d %s", status, answer)
	}
	b.WaitIdle(t)
}

func TestWebhook_OfOtherProviders(t *testing.T) {
	t.Parallel()
	const bitbucket = `{"actor":{"account_id":"a1"},"repository":{"full_name":"me/shop"},"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":"bbb","message":"m"}},"old":null}]}}`
	const gitlab = `{"ref":"refs/heads/main","before":"aaa","after":"bbb","user_id":3,"commits":[{"id":"bbb","message":"m","added":["f"]}],"project":{"path_with_namespace":"me/shop"}}`
	const merge = `{"user":{"id":3},"project":{"path_with_namespace":"me/shop"},"object_attributes":{"iid":5,"action":"open","source_branch":"topic","target_branch":"main","last_commit":{"id":"ccc","message":"m"}}}`
	for name, test := range map[string]struct {
		kind             api.SourceType
		location, body   string
		header           func(secret string) map[string]string
		trigger, version string
	}{
		"bitbucket": {api.SourceTypeBitbucket, "https://bitbucket.org/me/shop.git", bitbucket, func(secret string) map[string]string {
			return map[string]string{"X-Event-Key": "repo:push", "X-Hub-Signature": hmacOf(secret, bitbucket)}
		}, "branch/main", "bbb"},
		"gitlab": {api.SourceTypeGitlab, "https://gitlab.com/me/shop", gitlab, func(secret string) map[string]string {
			return map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret}
		}, "branch/main", "bbb"},
		"gitlab merge request": {api.SourceTypeGitlabSelfManaged, "https://git.example.com/me/shop", merge, func(secret string) map[string]string {
			return map[string]string{"X-Gitlab-Event": "Merge Request Hook", "X-Gitlab-Token": secret}
		}, "pr/5", "ccc"},
	} {
		b := newBench(t)
		b.createProject(t, "p1", noop, gitSource(test.kind, test.location))
		made, err := api.CreateWebhook.Do(b.call, &api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		status, answer := b.deliver(t, *made.Webhook.PayloadURL, test.header(*made.Webhook.Secret), test.body)
		var got struct{ ARN string }
		if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 200 || got.ARN == "" {
			t.Fatalf("%s: %d %s", name, status, answer)
		}
		if build := b.get(t, got.ARN); build.Environment.EnvironmentVariables[0].Value != test.trigger || *build.SourceVersion != test.version {
			t.Errorf("%s: build %+v", name, build)
		}
		if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: got.ARN}); err != nil {
			t.Error(err)
		}
		b.WaitIdle(t)
		if status, answer := b.deliver(t, *made.Webhook.PayloadURL, test.header("wrong"), test.body); status != 403 {
			t.Errorf("%s with another secret: %d %s", name, status, answer)
		}
	}
}

func TestWebhook_Lifecycle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop, gitSource(api.SourceTypeGithub, "https://github.com/me/shop"))
	b.createProject(t, "p2", noop)
	for name, test := range map[string]struct {
		in   api.CreateWebhookInput
		code string
	}{
		"at the provider": {api.CreateWebhookInput{ProjectName: "p1"}, "OAuthProviderException"},
		"no project":      {api.CreateWebhookInput{ProjectName: "p3", ManualCreation: new(true)}, "ResourceNotFoundException"},
		"no git":          {api.CreateWebhookInput{ProjectName: "p2", ManualCreation: new(true)}, "InvalidInputException"},
		"no event": {api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), FilterGroups: [][]api.WebhookFilter{{{Type: api.WebhookFilterTypeHeadRef, Pattern: "x"}}}},
			"InvalidInputException"},
		"unknown event": {api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), FilterGroups: [][]api.WebhookFilter{{{Type: api.WebhookFilterTypeEvent, Pattern: "X"}}}},
			"InvalidInputException"},
		"pattern":  {api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), BranchFilter: new("(")}, "InvalidInputException"},
		"no batch": {api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), BuildType: new(api.WebhookBuildTypeBuildBatch)}, "InvalidInputException"},
		"approval": {api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), PullRequestBuildPolicy: &api.PullRequestBuildPolicy{
			RequiresCommentApproval: api.PullRequestBuildCommentApprovalAllPullRequests}}, "NotImplemented"},
	} {
		if _, err := api.CreateWebhook.Do(b.call, &test.in); aws.ErrorCode(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	made, err := api.CreateWebhook.Do(b.call, &api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true), BranchFilter: new("^main$")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.CreateWebhook.Do(b.call, &api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true)})
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
	rotated, err := api.UpdateWebhook.Do(b.call, &api.UpdateWebhookInput{ProjectName: "p1", RotateSecret: new(true)})
	if err != nil || *rotated.Webhook.Secret == *made.Webhook.Secret || *rotated.Webhook.PayloadURL != *made.Webhook.PayloadURL || *rotated.Webhook.BranchFilter != "^main$" {
		t.Errorf("rotated %+v, %v", rotated, err)
	}
	got, err := api.BatchGetProjects.Do(b.call, &api.BatchGetProjectsInput{Names: []string{"p1"}})
	if err != nil || got.Projects[0].Webhook == nil || got.Projects[0].Webhook.Secret != nil {
		t.Errorf("project %+v, %v", got, err)
	}
	if _, err := api.DeleteWebhook.Do(b.call, &api.DeleteWebhookInput{ProjectName: "p1"}); err != nil {
		t.Fatal(err)
	}
	_, err = api.DeleteWebhook.Do(b.call, &api.DeleteWebhookInput{ProjectName: "p1"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.UpdateWebhook.Do(b.call, &api.UpdateWebhookInput{ProjectName: "p1"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestBadgeAndPublicPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.URL(t)
	get := func(path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path[strings.Index(path, "/_codebuild/"):], nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Body.Close()
		text, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	in := projectInput("p1", noop)
	in.BadgeEnabled = new(true)
	_, err := api.CreateProject.Do(b.call, in)
	servicetest.WantError(t, err, "InvalidInputException") // there are no branches
	gitSource(api.SourceTypeGithub, "http://127.0.0.1:1/me/shop")(in)
	made, err := api.CreateProject.Do(b.call, in)
	if err != nil || !*made.Project.Badge.BadgeEnabled {
		t.Fatalf("%+v, %v", made, err)
	}
	badge := *made.Project.Badge.BadgeRequestURL
	if text := get(badge); !strings.Contains(text, "unknown") {
		t.Errorf("badge %s", text)
	}
	b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	if text := get(badge); !strings.Contains(text, "failing") { // its source is not there
		t.Errorf("badge %s", text)
	}
	if text := get(strings.Replace(badge, "branch=main", "branch=x", 1)); !strings.Contains(text, "unknown") {
		t.Errorf("badge of another branch %s", text)
	}
	if _, err := api.UpdateProject.Do(b.call, &api.UpdateProjectInput{Name: "p1", BadgeEnabled: new(false)}); err != nil {
		t.Fatal(err)
	}
	if text := get(badge); !strings.Contains(text, "404") {
		t.Errorf("without a badge: %s", text)
	}
	seen, err := api.UpdateProjectVisibility.Do(b.call, &api.UpdateProjectVisibilityInput{ProjectARN: *made.Project.ARN, ProjectVisibility: api.ProjectVisibilityTypePublicRead})
	if err != nil {
		t.Fatal(err)
	}
	if text := get("/_codebuild/projects/" + *seen.PublicProjectAlias); !strings.Contains(text, `"buildStatus":"FAILED"`) {
		t.Errorf("public page %s", text)
	}
	if _, err := api.UpdateProjectVisibility.Do(b.call, &api.UpdateProjectVisibilityInput{ProjectARN: *made.Project.ARN, ProjectVisibility: api.ProjectVisibilityTypePrivate}); err != nil {
		t.Fatal(err)
	}
	if text := get("/_codebuild/projects/" + *seen.PublicProjectAlias); !strings.Contains(text, "404") {
		t.Errorf("private page %s", text)
	}
	_, err = api.UpdateProjectVisibility.Do(b.call, &api.UpdateProjectVisibilityInput{ProjectARN: *made.Project.ARN + "x", ProjectVisibility: api.ProjectVisibilityTypePrivate})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

// newServer serves a handler and returns its URL.
func newServer(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestSourceCredentials_LetBuildsFetch(t *testing.T) {
	t.Parallel()
	repository := newRepository(t)
	_, err := repository.CommitFiles(t.Context(), git.CommitRequest{
		Branch: "main", Author: git.NewSignature("a", "a@example.com", servicetest.Start), Message: "m",
		Changes: []git.FileChange{{Path: "buildspec.yml", Content: []byte(noop)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := git.Handler{Open: func(http.ResponseWriter, *http.Request, git.Service) *git.Access {
		return &git.Access{Repository: repository}
	}}
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "x-token-auth" || password != "secret-token" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	b := newBench(t)
	b.createProject(t, "p1", "", func(in *api.CreateProjectInput) {
		in.Source = api.ProjectSource{Type: api.SourceTypeGithubEnterprise, Location: new(server + "/me/r")}
	})
	if got := b.build(t, &api.StartBuildInput{ProjectName: "p1"}); *got.BuildStatus != api.StatusTypeFailed {
		t.Errorf("without credentials: %s", phases(got))
	}
	made, err := api.ImportSourceCredentials.Do(b.call, &api.ImportSourceCredentialsInput{
		ServerType: api.ServerTypeGithubEnterprise, AuthType: api.AuthTypePersonalAccessToken, Token: "secret-token",
	})
	if err != nil || *made.ARN != "arn:aws:codebuild:us-east-1:111122223333:token/github_enterprise" {
		t.Fatalf("%+v, %v", made, err)
	}
	if got := b.build(t, &api.StartBuildInput{ProjectName: "p1"}); *got.BuildStatus != api.StatusTypeSucceeded || strings.Contains(b.peers.text(), "secret-token") {
		t.Errorf("with credentials: %s, %s", phases(got), reason(got, api.BuildPhaseTypeDownloadSource))
	}
	_, err = api.ImportSourceCredentials.Do(b.call, &api.ImportSourceCredentialsInput{
		ServerType: api.ServerTypeGithubEnterprise, AuthType: api.AuthTypePersonalAccessToken, Token: "x", ShouldOverwrite: new(false),
	})
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
	for name, in := range map[string]*api.ImportSourceCredentialsInput{
		"InvalidInputException": {ServerType: api.ServerTypeBitbucket, AuthType: api.AuthTypeBasicAuth, Token: "x"},
		"NotImplemented":        {ServerType: api.ServerTypeGithub, AuthType: api.AuthTypeCodeconnections, Token: "x"},
	} {
		_, err := api.ImportSourceCredentials.Do(b.call, in)
		servicetest.WantError(t, err, name)
	}
	list, err := api.ListSourceCredentials.Do(b.call, &api.ListSourceCredentialsInput{})
	if err != nil || len(list.SourceCredentialsInfos) != 1 || *list.SourceCredentialsInfos[0].ARN != *made.ARN {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := api.DeleteSourceCredentials.Do(b.call, &api.DeleteSourceCredentialsInput{ARN: *made.ARN}); err != nil {
		t.Fatal(err)
	}
	_, err = api.DeleteSourceCredentials.Do(b.call, &api.DeleteSourceCredentialsInput{ARN: *made.ARN})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestBuild_IsServedItsCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.URL(t)
	got := b.run(t, "version: 0.2\nphases: {build: {commands: ['test -z \"$AWS_ACCESS_KEY_ID\"', 'curl -sf $AWS_CONTAINER_CREDENTIALS_FULL_URI | tr , \"\\n\" | sed -n \"s/.*RoleArn.:.\\(.*\\)\\\".*/\\1/p\"', 'echo $AWS_CONTAINER_CREDENTIALS_FULL_URI']}}\n")
	lines := strings.Fields(b.peers.output())
	if *got.BuildStatus != api.StatusTypeSucceeded || len(lines) != 2 || lines[0] != testRole {
		t.Fatalf("%s: %v\n%s", phases(got), lines, b.peers.text())
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, lines[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if out.StatusCode != http.StatusNotFound {
		t.Errorf("after the build: %s", out.Status)
	}
}
