package git

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"drydock/blob/seal"
)

const (
	defaultHead = "main"          // what HEAD names until the first branch is made
	hiddenRefs  = "refs/drydock/" // references that clients neither see nor push
	// processLimit bounds how many git processes answer object calls at a time, transferLimit how many serve clients.
	processLimit, transferLimit = 64, 256
)

var repositoryID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)

// Engine owns a folder of repositories. Its methods are safe for concurrent use; one process at a time may own the
// folder.
type Engine struct {
	dir string
	log *slog.Logger
	git *tool
	run string // names this engine's temporary folders, so that Sweep leaves them alone

	// The slots bound processes. A reader may take a command slot, never the other way round, so nobody waits in a ring.
	readers, commands, transfers chan struct{}

	// Of the working copies that nobody uses, so many bytes and so many copies stay, and the one used last.
	idleBytes  int64
	idleCopies int
	memory     memory

	mu     sync.Mutex        // guards the fields below
	states map[string]*state // the repositories opened since the start
	tick   uint64
	copies int // working copies
	bytes  int64
}

// New returns an engine over dir, which is made at the first Create.
func New(dir string, log *slog.Logger) *Engine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	var token [6]byte
	_, _ = rand.Read(token[:]) // never fails
	return &Engine{
		dir: dir, log: log, git: newTool("git"), run: hex.EncodeToString(token[:]),
		readers: make(chan struct{}, processLimit), commands: make(chan struct{}, processLimit),
		transfers: make(chan struct{}, transferLimit), states: map[string]*state{}, idleBytes: idleBytes, idleCopies: idleCopies,
	}
}

// Close removes the working copies. Nothing may be under way.
func (e *Engine) Close() error {
	e.mu.Lock()
	states := slices.Collect(maps.Values(e.states))
	e.mu.Unlock()
	for _, s := range states {
		s.load.Lock()
		e.drop(s)
		s.load.Unlock()
	}
	if err := e.memory.close(); err != nil {
		return fmt.Errorf("close the repositories: %w", err)
	}
	return nil
}

// Check tells whether the host's git can be used; the error is an ErrGitUnusable.
func (e *Engine) Check(ctx context.Context) error {
	_, err := e.git.find(ctx)
	return err
}

func (e *Engine) repositories() string { return filepath.Join(e.dir, "repositories") }
func (e *Engine) temporary() string    { return filepath.Join(e.dir, "temporary") }
func (e *Engine) home() string         { return filepath.Join(e.dir, "home") }
func (e *Engine) path(id string) string {
	return filepath.Join(e.repositories(), id+".sealed")
}

// plainPath is where a repository lay before repositories were sealed.
func (e *Engine) plainPath(id string) string { return filepath.Join(e.repositories(), id+".git") }

func (e *Engine) temporaryName(purpose string) string {
	var token [8]byte
	_, _ = rand.Read(token[:])
	return e.run + "-" + purpose + "-" + hex.EncodeToString(token[:])
}

func (e *Engine) temporaryPath(purpose string) string {
	return filepath.Join(e.temporary(), e.temporaryName(purpose))
}

func checkRepositoryID(id string) error {
	if !repositoryID.MatchString(id) || strings.Contains(id, "..") {
		return fmt.Errorf("repository id %q: %w", id, ErrInvalidName)
	}
	return nil
}

// Create makes an empty repository, sealed under keys, which Open needs again. One of that id which an earlier version left
// unsealed becomes its content. Ids are made of letters, digits, ".", "_"
// and "-", begin with a letter or digit and are at most 200 long. It returns ErrExists when the id is taken. A crash leaves
// the whole repository or none.
func (e *Engine) Create(ctx context.Context, id string, keys *seal.RootKey) (*Repository, error) {
	if err := checkRepositoryID(id); err != nil {
		return nil, err
	}
	if err := e.Check(ctx); err != nil {
		return nil, fmt.Errorf("create repository %s: %w", id, err)
	}
	if err := e.create(id, keys); err != nil {
		return nil, fmt.Errorf("create repository %s: %w", id, err)
	}
	return e.Open(id, keys)
}

func (e *Engine) create(id string, keys *seal.RootKey) error {
	for _, dir := range []string{e.repositories(), e.temporary(), e.home()} {
		if err := makeDurableFolder(dir); err != nil {
			return err
		}
	}
	tmp := e.temporaryPath("create")
	defer func() { _ = os.RemoveAll(tmp) }()
	sealed := sealedFolder{dir: tmp, keys: keys}
	if err := sealed.create(); err != nil {
		return err
	}
	if err := sealed.adopt(e.plainPath(id)); err != nil {
		return fmt.Errorf("seal what an earlier version left: %w", err)
	}
	// A folder that is not empty is never replaced by a rename, so the loser of a race fails here.
	if err := os.Rename(tmp, e.path(id)); err != nil {
		if errors.Is(err, fs.ErrExist) || e.Exists(id) {
			return ErrExists
		}
		return err
	}
	if err := syncFolder(e.repositories()); err != nil {
		return err
	}
	return os.RemoveAll(e.plainPath(id))
}

// Exists tells whether the repository is there.
func (e *Engine) Exists(id string) bool {
	if checkRepositoryID(id) != nil {
		return false
	}
	info, err := os.Stat(e.path(id))
	return err == nil && info.IsDir()
}

// Open returns a repository that exists, otherwise ErrNotFound. With other keys than it was created with, all methods of
// what it returns fail with seal.ErrCorrupt, unless it is in use under the right ones.
func (e *Engine) Open(id string, keys *seal.RootKey) (*Repository, error) {
	if err := checkRepositoryID(id); err != nil {
		return nil, err
	}
	if !e.Exists(id) {
		return nil, fmt.Errorf("repository %s: %w", id, ErrNotFound)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.states[id]
	if s == nil {
		s = &state{}
		e.states[id] = s
	}
	return &Repository{engine: e, id: id, keys: keys, state: s}, nil
}

// Delete removes a repository for good; ErrNotFound when there is none. It is gone from view at once and its files
// follow; what a crash leaves of them is removed by Sweep.
func (e *Engine) Delete(ctx context.Context, id string) error {
	if err := checkRepositoryID(id); err != nil {
		return err
	}
	if err := makeDurableFolder(e.temporary()); err != nil {
		return fmt.Errorf("delete repository %s: %w", id, err)
	}
	trash := e.temporaryPath("delete")
	from := e.path(id)
	if !e.Exists(id) {
		from = e.plainPath(id)
	}
	if err := os.Rename(from, trash); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNotFound
		}
		return fmt.Errorf("delete repository %s: %w", id, err)
	}
	e.mu.Lock()
	s := e.states[id]
	delete(e.states, id)
	e.mu.Unlock()
	if s != nil {
		s.load.Lock()
		s.gone = true
		e.drop(s)
		s.load.Unlock()
	}
	if err := syncFolder(e.repositories()); err != nil {
		return fmt.Errorf("delete repository %s: %w", id, err)
	}
	if err := os.RemoveAll(trash); err != nil {
		// The repository is gone all the same; Sweep tries again after the next start.
		e.log.WarnContext(ctx, "files of a deleted repository remain", "repository", id, "error", err)
	}
	return nil
}

// Sweep removes the temporary files that earlier engines over the same folder left behind, the working copies in memory of
// any that were killed, and plain repositories that are sealed by now. It takes as long as there are such files, so callers run it beside their start.
func (e *Engine) Sweep(ctx context.Context) error {
	sweepMemory()
	if err := e.sweepPlain(); err != nil {
		return fmt.Errorf("sweep plain repositories: %w", err)
	}
	entries, err := os.ReadDir(e.temporary())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep temporary repositories: %w", err)
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.HasPrefix(entry.Name(), e.run+"-") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(e.temporary(), entry.Name())); err != nil {
			return fmt.Errorf("sweep temporary repositories: %w", err)
		}
	}
	return nil
}

// sweepPlain removes what was sealed from an earlier version's repositories and not removed before a crash.
func (e *Engine) sweepPlain() error {
	plain, err := filepath.Glob(e.plainPath("*"))
	if err != nil {
		return err
	}
	for _, path := range plain {
		if !e.Exists(strings.TrimSuffix(filepath.Base(path), ".git")) {
			continue // nobody has used it yet
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// take waits for a slot and returns what frees it.
func take(ctx context.Context, slots chan struct{}) (func(), error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
