package codebuild

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	api "drydock/api/codebuild"
)

// The events of webhooks.
const (
	eventPush        = "PUSH"
	eventCreated     = "PULL_REQUEST_CREATED"
	eventUpdated     = "PULL_REQUEST_UPDATED"
	eventReopened    = "PULL_REQUEST_REOPENED"
	eventMerged      = "PULL_REQUEST_MERGED"
	eventClosed      = "PULL_REQUEST_CLOSED"
	eventReleased    = "RELEASED"
	eventPrereleased = "PRERELEASED"
)

// event is what a delivery tells, whoever sent it.
type event struct {
	name             string // "" for one that never starts a build
	headRef, baseRef string // full references
	branch           string // of a push, or that a pull request comes from
	actor            string
	message          string
	files            []string
	tag, release     string
	repository       string // with its owner
	organization     string
	version          string // to build
	trigger          string // as in branch/main, tag/v1, pr/7
	previous, merged string // commits
	cloneURL         string
}

// repositoryName is the repository's name without its owner.
func (e *event) repositoryName() string {
	return e.repository[strings.LastIndexByte(e.repository, '/')+1:]
}

// signed tells whether a delivery proves that its sender knows the secret, in the way of the source's provider.
func signed(kind api.SourceType, header http.Header, body, secret []byte) bool {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	sum := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	switch kind {
	case api.SourceTypeGitlab, api.SourceTypeGitlabSelfManaged:
		return hmac.Equal([]byte(header.Get("X-Gitlab-Token")), secret)
	case api.SourceTypeBitbucket:
		return hmac.Equal([]byte(header.Get("X-Hub-Signature")), []byte(sum))
	default:
		return hmac.Equal([]byte(header.Get("X-Hub-Signature-256")), []byte(sum))
	}
}

// readEvent reads a delivery. The event of one that starts no builds, such as a ping, has no name.
func readEvent(kind api.SourceType, header http.Header, body []byte) (*event, error) {
	e := &event{}
	var err error
	switch kind {
	case api.SourceTypeGitlab, api.SourceTypeGitlabSelfManaged:
		err = e.readGitLab(header.Get("X-Gitlab-Event"), body)
	case api.SourceTypeBitbucket:
		err = e.readBitbucket(header.Get("X-Event-Key"), body)
	default:
		err = e.readGitHub(header.Get("X-Github-Event"), body)
	}
	if err != nil {
		return nil, fmt.Errorf("the payload cannot be read: %w", err)
	}
	return e, nil
}

// setRef takes the reference that was pushed.
func (e *event) setRef(ref string) {
	e.headRef = ref
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		e.branch, e.trigger = branch, "branch/"+branch
	}
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		e.tag, e.trigger = tag, "tag/"+tag
	}
}

// pull takes the branches of a pull request.
func (e *event) pull(number int64, head, base string) {
	e.branch, e.headRef, e.baseRef = head, "refs/heads/"+head, "refs/heads/"+base
	e.trigger = "pr/" + strconv.FormatInt(number, 10)
	e.version = e.trigger
}

type githubPayload struct {
	Ref, Before, After string
	Deleted            bool
	Action             string
	HeadCommit         struct{ Message string } `json:"head_commit"`
	Commits            []struct{ Added, Modified, Removed []string }
	PullRequest        struct {
		Number         int64
		Merged         bool
		MergeCommitSHA string `json:"merge_commit_sha"`
		Head, Base     struct{ Ref, SHA string }
	} `json:"pull_request"`
	Release struct {
		TagName    string `json:"tag_name"`
		Name       string
		Prerelease bool
	}
	Repository struct {
		FullName string `json:"full_name"`
		CloneURL string `json:"clone_url"`
	}
	Organization struct{ Login string }
	Sender       struct{ ID int64 }
}

func (e *event) readGitHub(kind string, body []byte) error {
	var p githubPayload
	if kind == "ping" {
		return nil
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	e.repository, e.cloneURL, e.organization = p.Repository.FullName, p.Repository.CloneURL, p.Organization.Login
	if p.Sender.ID != 0 {
		e.actor = strconv.FormatInt(p.Sender.ID, 10)
	}
	switch kind {
	case "push":
		if p.Deleted {
			return nil
		}
		e.name, e.version, e.previous, e.message = eventPush, p.After, p.Before, p.HeadCommit.Message
		e.setRef(p.Ref)
		for _, c := range p.Commits {
			e.files = append(append(append(e.files, c.Added...), c.Modified...), c.Removed...)
		}
	case "pull_request":
		pull := &p.PullRequest
		e.pull(pull.Number, pull.Head.Ref, pull.Base.Ref)
		switch {
		case p.Action == "opened":
			e.name = eventCreated
		case p.Action == "synchronize":
			e.name = eventUpdated
		case p.Action == "reopened":
			e.name = eventReopened
		case p.Action == "closed" && pull.Merged:
			e.name, e.merged = eventMerged, pull.MergeCommitSHA
		case p.Action == "closed":
			e.name = eventClosed
		}
	case "release":
		e.tag, e.release, e.version, e.trigger = p.Release.TagName, p.Release.Name, p.Release.TagName, "tag/"+p.Release.TagName
		switch p.Action {
		case "released":
			e.name = eventReleased
		case "prereleased":
			e.name = eventPrereleased
		}
	}
	return nil
}

type bitbucketPayload struct {
	Actor struct {
		UUID      string
		AccountID string `json:"account_id"`
	}
	Repository struct {
		FullName string `json:"full_name"`
		Links    struct{ HTML struct{ Href string } }
	}
	Push struct {
		Changes []struct {
			New, Old *struct {
				Type, Name string
				Target     struct{ Hash, Message string }
			}
		}
	}
	PullRequest struct {
		ID                  int64
		Source, Destination struct {
			Branch struct{ Name string }
			Commit struct{ Hash string }
		}
		MergeCommit struct{ Hash string } `json:"merge_commit"`
	} `json:"pullrequest"`
}

// readBitbucket reads what Bitbucket Cloud sends. It does not say which files changed. Of a push of several references
// the last that is there counts.
func (e *event) readBitbucket(kind string, body []byte) error {
	var p bitbucketPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	e.repository, e.cloneURL = p.Repository.FullName, p.Repository.Links.HTML.Href
	if e.actor = p.Actor.AccountID; e.actor == "" {
		e.actor = p.Actor.UUID
	}
	e.organization, _, _ = strings.Cut(e.repository, "/")
	if kind == "repo:push" {
		for _, c := range p.Push.Changes {
			if c.New == nil {
				continue
			}
			e.name, e.version, e.message, e.previous = eventPush, c.New.Target.Hash, c.New.Target.Message, ""
			if c.Old != nil {
				e.previous = c.Old.Target.Hash
			}
			if c.New.Type == "tag" {
				e.setRef("refs/tags/" + c.New.Name)
			} else {
				e.setRef("refs/heads/" + c.New.Name)
			}
		}
		return nil
	}
	names := map[string]string{
		"pullrequest:created": eventCreated, "pullrequest:updated": eventUpdated,
		"pullrequest:fulfilled": eventMerged, "pullrequest:rejected": eventClosed,
	}
	if e.name = names[kind]; e.name != "" {
		pull := &p.PullRequest
		e.pull(pull.ID, pull.Source.Branch.Name, pull.Destination.Branch.Name)
		// Bitbucket has no reference for a pull request; its commit is on the branch that it comes from.
		e.version, e.merged = pull.Source.Commit.Hash, pull.MergeCommit.Hash
	}
	return nil
}

type gitlabPayload struct {
	Ref, Before, After string
	UserID             int64 `json:"user_id"`
	User               struct{ ID int64 }
	Commits            []struct {
		ID, Message              string
		Added, Modified, Removed []string
	}
	Project struct {
		PathWithNamespace string `json:"path_with_namespace"`
		GitHTTPURL        string `json:"git_http_url"`
		Namespace         string
	}
	ObjectAttributes struct {
		IID            int64
		Action         string
		OldRev         string
		SourceBranch   string                       `json:"source_branch"`
		TargetBranch   string                       `json:"target_branch"`
		MergeCommitSHA string                       `json:"merge_commit_sha"`
		LastCommit     struct{ ID, Message string } `json:"last_commit"`
	} `json:"object_attributes"`
	Tag, Name, Action string
}

func (e *event) readGitLab(kind string, body []byte) error {
	var p gitlabPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	e.repository, e.cloneURL, e.organization = p.Project.PathWithNamespace, p.Project.GitHTTPURL, p.Project.Namespace
	if id := max(p.UserID, p.User.ID); id != 0 {
		e.actor = strconv.FormatInt(id, 10)
	}
	switch kind {
	case "Push Hook", "Tag Push Hook":
		if strings.Trim(p.After, "0") == "" { // the reference was deleted
			return nil
		}
		e.name, e.version, e.previous = eventPush, p.After, p.Before
		e.setRef(p.Ref)
		for _, c := range p.Commits {
			e.files = append(append(append(e.files, c.Added...), c.Modified...), c.Removed...)
			if c.ID == p.After {
				e.message = c.Message
			}
		}
	case "Merge Request Hook":
		m := &p.ObjectAttributes
		names := map[string]string{"open": eventCreated, "reopen": eventReopened, "merge": eventMerged, "close": eventClosed}
		if e.name = names[m.Action]; m.Action == "update" && m.OldRev != "" { // others change words only
			e.name = eventUpdated
		}
		e.pull(m.IID, m.SourceBranch, m.TargetBranch)
		e.version, e.merged, e.message = m.LastCommit.ID, m.MergeCommitSHA, m.LastCommit.Message
	case "Release Hook":
		if p.Action == "create" {
			e.name, e.tag, e.release, e.version, e.trigger = eventReleased, p.Tag, p.Name, p.Tag, "tag/"+p.Tag
		}
	}
	return nil
}

// ofSource tells whether a repository with its owner is the one at a location.
func ofSource(repository, location string) bool {
	u, err := url.Parse(location)
	if err != nil || repository == "" {
		return false
	}
	at := strings.ToLower(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"))
	repository = strings.ToLower(repository)
	return at == repository || strings.HasSuffix(at, "/"+repository)
}
