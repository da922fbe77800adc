package codecommit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	api "drydock/api/codecommit"
	"drydock/engine/git"
	"drydock/store"
)

// followers lets one change of a repository at a time be followed up, so that what is read of the branches for it is
// never older than what is stored. It holds nothing that a restart would miss.
type followers struct {
	mu    sync.Mutex // guards locks
	locks map[string]*follower
}

type follower struct {
	sync.Mutex
	waiting int
}

// lock waits for its turn and returns what ends it.
func (f *followers) lock(repositoryID string) func() {
	f.mu.Lock()
	if f.locks == nil {
		f.locks = map[string]*follower{}
	}
	l := f.locks[repositoryID]
	if l == nil {
		l = &follower{}
		f.locks[repositoryID] = l
	}
	l.waiting++
	f.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(f.locks, repositoryID)
		}
	}
}

// tips is where the branches of an open pull request are now.
type tips struct {
	source, destination, base string
	// gone tells that one of the branches was deleted, forwarded that the destination was moved along to the source.
	gone, forwarded bool
}

// affected finds the open pull requests that changes of branches touch, and where their branches are now.
func (s *Service) affected(ctx context.Context, repositoryID string, updates []git.RefUpdate) (map[int64]tips, error) {
	pulls := map[int64]*pullRequest{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		clear(pulls)
		for _, u := range updates {
			for p, err := range pullsByBranch.Scan(tx, store.Range{Prefix: store.K(repositoryID, u.Ref)}) {
				if err != nil {
					return err
				}
				pulls[p.Number] = p
			}
		}
		return nil
	})
	if err != nil || len(pulls) == 0 {
		return nil, err
	}
	files, err := s.openOwn(ctx, repositoryID)
	if errors.Is(err, git.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := make(map[int64]tips, len(pulls))
	for number, p := range pulls {
		if now[number], err = tipsOf(ctx, files, p, updates); err != nil {
			return nil, fmt.Errorf("follow pull request %d: %w", number, err)
		}
	}
	return now, nil
}

func tipsOf(ctx context.Context, files *git.Repository, p *pullRequest, updates []git.RefUpdate) (t tips, err error) {
	for _, u := range updates {
		if u.New == "" && (u.Ref == p.Source || u.Ref == p.Destination) {
			t.gone = true
			return t, nil
		}
	}
	for _, end := range []struct {
		ref string
		at  *string
	}{{p.Source, &t.source}, {p.Destination, &t.destination}} {
		ref, err := files.Ref(ctx, end.ref)
		if errors.Is(err, git.ErrNotFound) { // deleted by a change that is yet to be followed up
			return tips{source: p.SourceCommit, destination: p.DestinationCommit, base: p.MergeBase}, nil
		}
		if err != nil {
			return t, err
		}
		*end.at = string(ref.ID)
	}
	base, err := files.MergeBase(ctx, git.ID(t.source), git.ID(t.destination))
	if err != nil && !errors.Is(err, git.ErrNotFound) {
		return t, err
	}
	t.base = string(base)
	// Whoever merges with git and pushes has merged the pull request if the destination went straight on to its source.
	if t.base != t.source || t.destination == p.DestinationCommit {
		return t, nil
	}
	passed, err := files.Log(ctx, git.LogQuery{
		From: []git.ID{git.ID(t.destination)}, Not: []git.ID{git.ID(p.DestinationCommit)}, FirstParent: true, Limit: maxForwarded,
	})
	t.forwarded = slices.Contains(passed, git.ID(t.source))
	return t, err
}

// followPulls brings the open pull requests in line with their branches. The caller puts the repository.
func (s *Service) followPulls(tx *store.Tx, row *repository, c *change, now map[int64]tips, at time.Time) error {
	for number, t := range now {
		p, err := pullRequests.Get(tx, store.K(row.Account, row.Region, number))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !p.open() || c.PullRequest == number {
			continue
		}
		if err := p.followed(tx, row, c, t, at); err != nil {
			return err
		}
		if err := pullRequests.Put(tx, p); err != nil {
			return err
		}
	}
	return nil
}

// followed is an open pull request after one of its branches moved.
func (p *pullRequest) followed(tx *store.Tx, row *repository, c *change, t tips, at time.Time) error {
	if t.gone {
		return p.close(tx, row, c.CallerARN, at)
	}
	if p.SourceCommit != t.source {
		err := p.record(tx, pullEvent{
			Type: api.PullRequestEventTypePullRequestSourceReferenceUpdated, Actor: c.CallerARN, Time: at, Before: p.SourceCommit, After: t.source,
			MergeBase: t.base,
		})
		if err != nil {
			return err
		}
		// Made of what is known, as a transaction may run twice.
		revision := sha256.Sum256([]byte(strings.Join([]string{p.RepositoryID, p.id(), c.ID, p.Revision, t.source}, "/")))
		p.SourceCommit, p.Revision, p.Activity = t.source, hex.EncodeToString(revision[:]), at
	}
	if t.forwarded {
		return p.merge(tx, row, merged{By: c.CallerARN, Option: api.MergeOptionTypeEnumFastForwardMerge}, at)
	}
	p.DestinationCommit, p.MergeBase = t.destination, t.base
	return nil
}

// followMerge closes the pull request that a change merged. The caller puts the repository.
func followMerge(tx *store.Tx, row *repository, c *change, updates []git.RefUpdate, at time.Time) error {
	if c.PullRequest == 0 || len(updates) == 0 {
		return nil
	}
	p, err := pullRequests.Get(tx, store.K(row.Account, row.Region, c.PullRequest))
	if errors.Is(err, store.ErrNotFound) || err == nil && !p.open() {
		return nil
	}
	if err != nil {
		return err
	}
	by := merged{By: c.CallerARN, Option: c.MergeOption}
	if c.MergeOption != api.MergeOptionTypeEnumFastForwardMerge {
		by.Commit = string(updates[0].New)
	}
	if err := p.merge(tx, row, by, at); err != nil {
		return err
	}
	return pullRequests.Put(tx, p)
}
