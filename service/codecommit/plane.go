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
	var p *push
	handler := &git.Handler{Log: s.Log, Open: func(w http.ResponseWriter, r *http.Request, wanted git.Service) *git.Access {
		base, _, _ := git.SplitPath(r.URL.Path, r.URL.Query().Get)
		row, files, err := s.admit(call, gitRegion(call, r), strings.TrimPrefix(base, planePrefix), wanted)
		if err != nil {
			s.refuse(call, w, err)
			return nil
		}
		p = &push{service: s, call: call, row: row}
		return &git.Access{Repository: files, Authorize: p.authorize, Committed: p.committed}
	}}
	defer func() {
		if p != nil {
			p.end()
		}
	}()
	handler.ServeHTTP(w, r)
}

// push is a push under way.
type push struct {
	service *Service
	call    *aws.Call
	row     *repository
	noted   *change
}

func (p *push) authorize(updates []git.RefUpdate) (err error) {
	p.noted, err = p.service.beginPush(p.call, p.row, updates)
	return err
}

func (p *push) committed(updates []git.RefUpdate) {
	if err := p.service.moved(p.call, p.noted, updates); err != nil {
		// The note stays, so the next start follows up.
		p.service.Log.ErrorContext(p.call, "push not followed up", "repository", p.row.ID, "error", err)
	}
	p.noted = nil
}

// end finds out what became of a push that git refused as a whole, or failed at.
func (p *push) end() {
	if p.noted != nil {
		p.service.settle(p.call, p.noted)
	}
}

// admit finds a repository and decides whether the caller may use a service of git's.
func (s *Service) admit(call *aws.Call, region, name string, wanted git.Service) (*repository, *git.Repository, error) {
	if checkRepositoryName(name) != nil {
		return nil, nil, noRepository(name)
	}
	row, err := s.locate(call, region, name)
	if err != nil {
		return nil, nil, err
	}
	action := "codecommit:GitPull"
	if wanted == git.ReceivePack {
		action = "codecommit:GitPush"
	}
	if err := call.Cloud.Authorize(call.In(row.Region), aws.Check{Action: action, Resource: row.arn()}); err != nil {
		return nil, nil, err
	}
	if row.ID == "" {
		return nil, nil, noRepository(name)
	}
	files, err := s.open(call, row)
	return row, files, err
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
