package codecommit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

// change notes that references are about to move. It is in the store while nobody knows whether they did.
type change struct {
	// ID tells changes begun at the same time apart.
	ID           string
	RepositoryID string
	Begun        time.Time
	// Region is that of the request, CallerARN who made it.
	Region, CallerARN string
	Moves             []move
	// PullRequest is the number of the pull request that the change merges, if it does, Revision the one that may be
	// merged and MergeOption how.
	PullRequest int64
	Revision    string
	MergeOption api.MergeOptionTypeEnum
}

// move is a reference that is about to move. The empty id stands for none.
type move struct {
	Ref, Old, New string
	// Open tells that the new id is not known beforehand.
	Open bool
}

var changes = store.NewTable("codecommit/change", func(c *change) store.Key { return store.K(c.RepositoryID, c.Begun, c.ID) })

// begin notes a change before git makes it; about says what the note holds beside the references. It has to be followed
// by moved or forget.
func (s *Service) begin(call *aws.Call, row *repository, about func(*change), moves ...move) (*change, error) {
	c := &change{
		ID: call.NewUUID(), RepositoryID: row.ID, Begun: call.Now(), Region: call.Region, CallerARN: call.Principal.ARN, Moves: moves,
	}
	if about != nil {
		about(c)
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if err := c.mayMerge(tx, row); err != nil {
			return err
		}
		return changes.Insert(tx, c)
	})
	if err != nil {
		return nil, fmt.Errorf("note a change of references: %w", err)
	}
	return c, nil
}

// forget takes back the note of a change that git did not make. What fails to be taken back is compared at the next
// start and found not to have happened.
func (s *Service) forget(ctx context.Context, c *change) {
	err := s.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		_, err := changes.Delete(tx, changes.Key(c))
		return err
	})
	if err != nil {
		s.Log.WarnContext(ctx, "note of a change of references remains", "repository", c.RepositoryID, "error", err)
	}
}

// moved follows up what git did. All changes of references come through here, with what c noted for them; effects on
// other parts of the cloud belong into its transaction.
func (s *Service) moved(ctx context.Context, c *change, updates []git.RefUpdate) error {
	ctx = context.WithoutCancel(ctx) // it has happened, whoever still listens
	defer s.follow.lock(c.RepositoryID)()
	now := s.Clock.Now()
	pulls, err := s.affected(ctx, c.RepositoryID, updates)
	if err != nil {
		return fmt.Errorf("follow up a change of references: %w", err)
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := changes.Delete(tx, changes.Key(c)); err != nil {
			return err
		}
		if len(updates) == 0 {
			return nil
		}
		row, err := repositoriesByID.First(tx, store.K(c.RepositoryID))
		if errors.Is(err, store.ErrNotFound) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		row.Modified = now
		if err := followMerge(tx, row, c, updates, now); err != nil {
			return err
		}
		if err := s.followPulls(tx, row, c, pulls, now); err != nil {
			return err
		}
		if err := repositories.Put(tx, row); err != nil {
			return err
		}
		if err := s.fire(tx, row, c, updates, now); err != nil {
			return err
		}
		return s.Tasks.ScheduleEarlier(tx, taskCompact, row.ID, now.Add(compactDelay), nil)
	})
	if err != nil {
		return fmt.Errorf("follow up a change of references: %w", err)
	}
	return nil
}

// changeRef notes a change of one reference, makes it and follows it up.
func (s *Service) changeRef(call *aws.Call, row *repository, m move, do func() (git.RefUpdate, error)) error {
	return s.changeRefAbout(call, row, m, nil, do)
}

// changeRefAbout is changeRef for a change whose note says more than which reference moves.
func (s *Service) changeRefAbout(call *aws.Call, row *repository, m move, about func(*change), do func() (git.RefUpdate, error)) error {
	c, err := s.begin(call, row, about, m)
	if err != nil {
		return err
	}
	update, err := do()
	switch {
	case err == nil:
		return s.moved(call, c, []git.RefUpdate{update})
	case slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) }):
		s.forget(call, c)
	default:
		s.settle(call, c) // it may have failed after the reference had moved
	}
	return err
}

// refusals are the errors of git's engine after which nothing has moved.
var refusals = []error{
	git.ErrNotFound, git.ErrExists, git.ErrInvalidName, git.ErrInvalidID, git.ErrWrongType, git.ErrTooLarge, git.ErrBranchMoved,
	git.ErrRefConflict, git.ErrDefaultBranch, git.ErrParentRequired, git.ErrNoChange, git.ErrInvalidPath, git.ErrDuplicatePath,
	git.ErrFileIsFolder, git.ErrFolderIsFile, git.ErrSubmodulePath, git.ErrMergeConflict, git.ErrNotFastForward,
}

// settle finds out what became of a change and follows it up. What it cannot find out is left to the next start.
func (s *Service) settle(ctx context.Context, c *change) {
	ctx = context.WithoutCancel(ctx)
	if err := s.recoverRepository(ctx, c.RepositoryID, []*change{c}); err != nil {
		s.Log.ErrorContext(ctx, "change of references not followed up", "repository", c.RepositoryID, "error", err)
	}
}

// recoverChanges follows up the changes that were under way when the last process died. It runs before anything else
// can change references.
func (s *Service) recoverChanges(ctx context.Context) error {
	byRepository := map[string][]*change{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		clear(byRepository)
		for c, err := range changes.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			byRepository[c.RepositoryID] = append(byRepository[c.RepositoryID], c)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the changes under way: %w", err)
	}
	for id, noted := range byRepository {
		if err := s.recoverRepository(ctx, id, noted); err != nil {
			// A damaged repository, or a host without git, keeps nobody else from starting. The notes stay.
			s.Log.ErrorContext(ctx, "changes of references not followed up", "repository", id, "error", err)
		}
	}
	return nil
}

func (s *Service) recoverRepository(ctx context.Context, id string, noted []*change) error {
	files, err := s.openOwn(ctx, id)
	if errors.Is(err, git.ErrNotFound) {
		for _, c := range noted {
			s.forget(ctx, c)
		}
		return nil
	}
	if err != nil {
		return err
	}
	at, err := currentRefs(ctx, files, noted)
	if err != nil {
		return err
	}
	updates := happened(noted, at)
	for i, c := range noted {
		if err := s.moved(ctx, c, updates[i]); err != nil {
			return err
		}
	}
	return nil
}

// happened tells which moves of each change were made, by where the references are now. It uses at up.
func happened(noted []*change, at map[string]string) [][]git.RefUpdate {
	updates := make([][]git.RefUpdate, len(noted))
	// A later change that happened shows that the one it built on happened too, so they are looked at backwards.
	for i, c := range slices.Backward(noted) {
		for _, m := range c.Moves {
			now := at[m.Ref]
			if m.Open && now != m.Old || !m.Open && now == m.New {
				updates[i] = append(updates[i], git.RefUpdate{Ref: m.Ref, Old: git.ID(m.Old), New: git.ID(now)})
				at[m.Ref] = m.Old
			}
		}
	}
	return updates
}

// currentRefs returns where the references of changes are now; those that do not exist are missing.
func currentRefs(ctx context.Context, files *git.Repository, noted []*change) (map[string]string, error) {
	at := map[string]string{}
	branches, _, err := files.Branches(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	tags, _, err := files.Tags(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	for _, ref := range slices.Concat(branches, tags) {
		at[ref.Name] = string(ref.ID)
	}
	for _, c := range noted {
		for _, m := range c.Moves {
			if strings.HasPrefix(m.Ref, "refs/heads/") || strings.HasPrefix(m.Ref, "refs/tags/") {
				continue
			}
			ref, err := files.Ref(ctx, m.Ref)
			if err != nil && !errors.Is(err, git.ErrNotFound) {
				return nil, err
			}
			at[m.Ref] = string(ref.ID)
		}
	}
	return at, nil
}
