package codecommit

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

// planePrefix is the path below which git clients find repositories.
const planePrefix = "/v1/repos/"

// serveGit answers git clients.
func (s *Service) serveGit(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	var noted *change
	handler := &git.Handler{Log: s.Log, Open: func(w http.ResponseWriter, r *http.Request, wanted git.Service) *git.Access {
		row, files := s.admit(call, w, r, wanted)
		if files == nil {
			return nil
		}
		return &git.Access{
			Repository: files,
			Authorize: func(updates []git.RefUpdate) (err error) {
				noted, err = s.beginPush(call, row, updates)
				return err
			},
			Committed: func(updates []git.RefUpdate) {
				if err := s.moved(call, noted, updates); err != nil {
					// The note stays, so the next start follows up.
					s.Log.ErrorContext(call, "push not followed up", "repository", row.ID, "error", err)
				}
				noted = nil
			},
		}
	}}
	defer func() {
		if noted != nil { // git refused all of it, or failed
			s.settle(call, noted)
		}
	}()
	handler.ServeHTTP(w, r)
}

// admit finds the repository of a request and decides whether the caller may use the service. Otherwise it answers and
// returns nil.
func (s *Service) admit(call *aws.Call, w http.ResponseWriter, r *http.Request, wanted git.Service) (*repository, *git.Repository) {
	base, _, _ := git.SplitPath(r.URL.Path, r.URL.Query().Get)
	name := strings.TrimPrefix(base, planePrefix)
	if checkRepositoryName(name) != nil {
		http.Error(w, "repository not found", http.StatusNotFound)
		return nil, nil
	}
	row, err := s.locate(call, gitRegion(call, r), name)
	if err != nil {
		s.refuse(call, w, err)
		return nil, nil
	}
	action := "codecommit:GitPull"
	if wanted == git.ReceivePack {
		action = "codecommit:GitPush"
	}
	if err := call.Cloud.Authorize(call.In(row.Region), aws.Check{Action: action, Resource: row.arn()}); err != nil {
		s.refuse(call, w, err)
		return nil, nil
	}
	if row.ID == "" {
		http.Error(w, "repository not found", http.StatusNotFound)
		return nil, nil
	}
	files, err := s.open(call, row)
	if err != nil {
		s.refuse(call, w, err)
		return nil, nil
	}
	return row, files
}

// gitRegion is the region that a host name such as git-codecommit.eu-west-1.amazonaws.com names, or else the call's.
func gitRegion(call *aws.Call, r *http.Request) string {
	if rest, ok := strings.CutPrefix(r.Host, "git-codecommit."); ok {
		if region, _, _ := strings.Cut(rest, "."); strings.Count(region, "-") >= 2 {
			return region
		}
	}
	return call.Region
}

// locate finds a repository by its name: the region's, or that of the only other region that has one. A repository that
// is not there comes back without an id, so that who may not know is refused before it is said.
func (s *Service) locate(call *aws.Call, region, name string) (*repository, error) {
	found := &repository{Account: call.Account, Region: region, Name: name}
	err := s.DB.View(call, func(tx *store.Tx) error {
		row, err := repositories.Get(tx, repositories.Key(found))
		if err == nil {
			found = row
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		var elsewhere []*repository
		for row, err := range repositoriesByName.Scan(tx, store.Range{Prefix: store.K(call.Account, name)}) {
			if err != nil {
				return err
			}
			elsewhere = append(elsewhere, row)
		}
		if len(elsewhere) == 1 {
			found = elsewhere[0]
		}
		return nil
	})
	return found, err
}

// refuse answers an error to a git client.
func (s *Service) refuse(call *aws.Call, w http.ResponseWriter, err error) {
	var e *aws.Error
	switch {
	case !errors.As(err, &e):
		s.Log.ErrorContext(call, "git request failed", "request", call.RequestID, "error", err)
		http.Error(w, "internal failure", http.StatusInternalServerError)
	case e.Code == "RepositoryDoesNotExistException":
		http.Error(w, "repository not found", http.StatusNotFound)
	default:
		http.Error(w, e.Message, http.StatusForbidden)
	}
}

var errInternal = errors.New("internal failure")

// beginPush decides whether the caller may move each of the references, and notes that they will move.
func (s *Service) beginPush(call *aws.Call, row *repository, updates []git.RefUpdate) (*change, error) {
	moves := make([]move, len(updates))
	for i, u := range updates {
		err := call.Cloud.Authorize(call.In(row.Region), aws.Check{
			Action: "codecommit:GitPush", Resource: row.arn(), Keys: map[string][]string{"codecommit:References": {u.Ref}},
		})
		if e, ok := errors.AsType[*aws.Error](err); ok {
			return nil, errors.New(e.Message) // without the code, which means nothing to git
		}
		if err != nil {
			return nil, s.hidden(call, err)
		}
		moves[i] = move{Ref: u.Ref, Old: string(u.Old), New: string(u.New)}
	}
	c, err := s.begin(call.In(row.Region), row, nil, moves...)
	if err != nil {
		return nil, s.hidden(call, err)
	}
	return c, nil
}

// hidden logs an error that pushers have no use for.
func (s *Service) hidden(ctx context.Context, err error) error {
	s.Log.ErrorContext(ctx, "push failed", "error", err)
	return errInternal
}
