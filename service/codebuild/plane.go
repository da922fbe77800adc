package codebuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/clock"
	"drydock/store"
)

// planePrefix begins the paths that CodeBuild serves beside its API. No bucket has such a name.
const planePrefix = "/_codebuild/"

// servePlane serves what is below planePrefix. Callers need not sign: each URL has a token that nobody guesses.
func (s *Service) servePlane(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	what, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, planePrefix), "/")
	switch what {
	case "webhooks":
		s.serveWebhook(call, w, r)
	case "badges":
		s.serveBadge(call, w, r)
	case "projects":
		s.servePublic(call, w, r, rest)
	case "credentials":
		s.serveCredentials(w, r, rest)
	default:
		http.NotFound(w, r)
	}
}

// serveWebhook takes a delivery of a source provider.
func (s *Service) serveWebhook(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "a delivery is a POST", http.StatusMethodNotAllowed)
		return
	}
	var hook *webhook
	var p *project
	err := s.DB.View(call, func(tx *store.Tx) error {
		var err error
		if hook, err = webhooksByToken.First(tx, store.K(r.URL.Query().Get("t"))); err == nil {
			p, err = projects.Get(tx, webhooks.Key(hook)) // which are named alike
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		http.Error(w, "no such webhook", http.StatusNotFound)
		return
	}
	if err != nil {
		s.planeError(w, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		http.Error(w, "the payload cannot be read", http.StatusBadRequest)
		return
	}
	secret, err := s.Keys.Unwrap(hook.Secret, hook.secretContext())
	if err != nil {
		s.planeError(w, err)
		return
	}
	kind := p.Detail.Source.Type
	if !signed(kind, r.Header, body, secret) {
		http.Error(w, "the signature does not match", http.StatusForbidden)
		return
	}
	e, err := readEvent(kind, r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case e.name == "", !selects(&hook.Detail, e):
		writeJSON(w, map[string]string{"message": "The event starts no build."})
		return
	case hook.Detail.ScopeConfiguration == nil && !ofSource(e.repository, value(p.Detail.Source.Location)):
		http.Error(w, "the repository is not the project's source", http.StatusBadRequest)
		return
	}
	sender := aws.ServicePrincipal(principalName, hook.Account)
	if agent := r.UserAgent(); agent != "" {
		sender.Name = agent // as which the build's initiator is shown
	}
	started, err := s.startOf(s.NewCall(call, sender, hook.Region), hook, e, deliveryID(r.Header))
	if err != nil {
		s.planeError(w, err)
		return
	}
	writeJSON(w, map[string]string{"message": "Started.", "arn": started})
}

// deliveryID is the sender's name for a delivery, the same where it is sent again.
func deliveryID(h http.Header) string {
	for _, name := range []string{"X-Github-Delivery", "X-Request-Uuid", "X-Gitlab-Event-Uuid"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// planeError answers an error: what is the caller's with its own words.
func (s *Service) planeError(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*aws.Error](err); ok && e.Status < http.StatusInternalServerError {
		http.Error(w, e.Code+": "+e.Message, e.Status)
		return
	}
	s.Log.Error("serve CodeBuild's data plane", "error", err)
	http.Error(w, "InternalFailure", http.StatusInternalServerError)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that went away needs no answer
}

// serveBadge shows how the latest build of a branch went.
func (s *Service) serveBadge(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "a badge is read only", http.StatusMethodNotAllowed)
		return
	}
	branch := r.URL.Query().Get("branch")
	status := "unknown"
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := projectsByBadge.First(tx, store.K(r.URL.Query().Get("uuid")))
		if err != nil {
			return err
		}
		seen := 0
		for b, err := range buildsByProject.Scan(tx, store.Range{Prefix: store.K(p.Account, p.Region, p.Name), Reverse: true}) {
			if seen++; err != nil || seen > maxBadgeBuilds {
				return err
			}
			if b.ofBranch(branch) {
				status = badgeWord(*b.Detail.BuildStatus)
				return nil
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		s.planeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-cache, no-store")
	_, _ = io.WriteString(w, badge(status))
}

// ofBranch tells whether a build is of a branch, by its source version or by what started it. A build of no version in
// particular is of the default branch, which is taken to be main or master.
func (b *build) ofBranch(branch string) bool {
	for _, v := range b.Detail.Environment.EnvironmentVariables {
		if v.Name == "CODEBUILD_WEBHOOK_TRIGGER" {
			return v.Value == "branch/"+branch
		}
	}
	switch version := strings.TrimPrefix(value(b.Detail.SourceVersion), "refs/heads/"); version {
	case "":
		return branch == "" || branch == "main" || branch == "master"
	default:
		name, _, _ := strings.Cut(version, "^{")
		return name == branch
	}
}

func badgeWord(status api.StatusType) string {
	switch status {
	case api.StatusTypeSucceeded:
		return "passing"
	case api.StatusTypeInProgress:
		return "in progress"
	case api.StatusTypeFailed, api.StatusTypeFault, api.StatusTypeTimedOut, api.StatusTypeStopped:
	}
	return "failing"
}

// badge draws one.
func badge(word string) string {
	colour := map[string]string{"passing": "#1d8102", "failing": "#d13212", "in progress": "#0073bb"}[word]
	if colour == "" {
		colour = "#687078"
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="150" height="20" role="img" aria-label="build: %[1]s">
<rect width="60" height="20" fill="#232f3e"/><rect x="60" width="90" height="20" fill="%[2]s"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" font-size="11"><text x="30" y="14">build</text><text x="105" y="14">%[1]s</text></g>
</svg>
`, word, colour)
}

// publicBuild is a build as everyone sees it.
type publicBuild struct {
	ID            string     `json:"id"`
	Status        string     `json:"buildStatus"`
	Phase         string     `json:"currentPhase"`
	SourceVersion string     `json:"sourceVersion,omitempty"`
	Started       *time.Time `json:"startTime"`
	Ended         *time.Time `json:"endTime,omitempty"`
}

// servePublic shows the latest builds of a project whose visibility is public.
func (s *Service) servePublic(call *aws.Call, w http.ResponseWriter, r *http.Request, alias string) {
	var out struct {
		Project string        `json:"project"`
		Builds  []publicBuild `json:"builds"`
	}
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := projectsByPublic.First(tx, store.K(alias))
		if err != nil {
			return err
		}
		out.Project, out.Builds = p.Name, []publicBuild{}
		latest, _, err := along(buildsByProject, buildProjectKey).page(tx, store.Range{Prefix: store.K(p.Account, p.Region, p.Name), Reverse: true}, pageSize)
		for _, b := range latest {
			out.Builds = append(out.Builds, publicBuild{
				b.ID, string(*b.Detail.BuildStatus), *b.Detail.CurrentPhase, value(b.Detail.SourceVersion), b.Detail.StartTime, b.Detail.EndTime,
			})
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		s.planeError(w, err)
		return
	}
	writeJSON(w, out)
}

// serveCredentials gives a build the credentials of its service role, as the container credentials endpoint does at AWS.
// The SDKs ask again before they expire. Their expiry is told in the machine's time, which is what the SDKs compare with.
func (s *Service) serveCredentials(w http.ResponseWriter, r *http.Request, token string) {
	s.mu.Lock()
	of := s.roles[token]
	s.mu.Unlock()
	if of == nil || token == "" {
		http.NotFound(w, r)
		return
	}
	c, principal, err := of.get(r.Context())
	if err != nil {
		s.planeError(w, err)
		return
	}
	writeJSON(w, map[string]string{
		"RoleArn": principal.RoleARN, "AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
		"Expiration": clock.Wall().Add(c.Expiration.Sub(s.Clock.Now())).Format(time.RFC3339),
	})
}
