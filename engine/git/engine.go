package git

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"drydock/clock"
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
	dir     string
	log     *slog.Logger
	git     *tool
	run     string    // names this engine's temporary folders, so that Sweep leaves them alone
	started time.Time // locks older than this are left over

	// The slots bound processes. A reader may take a command slot, never the other way round, so nobody waits in a ring.
	readers, commands, transfers chan struct{}

	mu   sync.Mutex           // guards open
	open map[string]*recovery // what was opened since the start
}

// recovery is the clean-up of one repository, done once, and the lock over its HEAD.
type recovery struct {
	once sync.Once
	err  error
	head sync.Mutex
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
		dir: dir, log: log, git: newTool("git"), run: hex.EncodeToString(token[:]), started: clock.Wall(),
		readers: make(chan struct{}, processLimit), commands: make(chan struct{}, processLimit),
		transfers: make(chan struct{}, transferLimit), open: map[string]*recovery{},
	}
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
	return filepath.Join(e.repositories(), id+".git")
}

func (e *Engine) temporaryPath(purpose string) string {
	var token [8]byte
	_, _ = rand.Read(token[:])
	return filepath.Join(e.temporary(), e.run+"-"+purpose+"-"+hex.EncodeToString(token[:]))
}

func checkRepositoryID(id string) error {
	if !repositoryID.MatchString(id) || strings.Contains(id, "..") {
		return fmt.Errorf("repository id %q: %w", id, ErrInvalidName)
	}
	return nil
}

// Create makes an empty repository. Ids are made of letters, digits, ".", "_" and "-", begin with a letter or digit and
// are at most 200 long. It returns ErrExists when the id is taken. A crash leaves the whole repository or none.
func (e *Engine) Create(ctx context.Context, id string) (*Repository, error) {
	if err := checkRepositoryID(id); err != nil {
		return nil, err
	}
	if err := e.Check(ctx); err != nil {
		return nil, fmt.Errorf("create repository %s: %w", id, err)
	}
	if err := e.create(id); err != nil {
		return nil, fmt.Errorf("create repository %s: %w", id, err)
	}
	return e.Open(id)
}

func (e *Engine) create(id string) error {
	for _, dir := range []string{e.repositories(), e.temporary(), e.home()} {
		if err := makeDurableFolder(dir); err != nil {
			return err
		}
	}
	tmp := e.temporaryPath("create")
	defer func() { _ = os.RemoveAll(tmp) }()
	folders := []string{"", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "info"}
	for _, name := range folders {
		if err := os.Mkdir(filepath.Join(tmp, name), 0o700); err != nil {
			return err
		}
	}
	files := map[string]string{
		"HEAD":   "ref: refs/heads/" + defaultHead + "\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n",
	}
	for name, content := range files {
		if err := writeSynced(filepath.Join(tmp, name), content); err != nil {
			return err
		}
	}
	for _, name := range folders {
		if err := syncFolder(filepath.Join(tmp, name)); err != nil {
			return err
		}
	}
	// A folder that is not empty is never replaced by a rename, so the loser of a race fails here.
	if err := os.Rename(tmp, e.path(id)); err != nil {
		if errors.Is(err, fs.ErrExist) || e.Exists(id) {
			return ErrExists
		}
		return err
	}
	return syncFolder(e.repositories())
}

// Exists tells whether the repository is there.
func (e *Engine) Exists(id string) bool {
	if checkRepositoryID(id) != nil {
		return false
	}
	info, err := os.Stat(e.path(id))
	return err == nil && info.IsDir()
}

// Open returns a repository that exists, otherwise ErrNotFound. The first Open after a start removes the locks and
// half-received packs that a crash left behind.
func (e *Engine) Open(id string) (*Repository, error) {
	if err := checkRepositoryID(id); err != nil {
		return nil, err
	}
	if !e.Exists(id) {
		return nil, fmt.Errorf("repository %s: %w", id, ErrNotFound)
	}
	e.mu.Lock()
	state := e.open[id]
	if state == nil {
		state = &recovery{}
		e.open[id] = state
	}
	e.mu.Unlock()
	state.once.Do(func() { state.err = e.recover(id) })
	if state.err != nil {
		return nil, fmt.Errorf("recover repository %s: %w", id, state.err)
	}
	return &Repository{engine: e, id: id, dir: e.path(id), head: &state.head}, nil
}

// recover removes what git left behind when it was killed before this engine started.
func (e *Engine) recover(id string) error {
	root := e.path(id)
	old := func(entry fs.DirEntry) bool {
		info, err := entry.Info()
		return err == nil && info.ModTime().Before(e.started)
	}
	removeLock := func(path string, entry fs.DirEntry) error {
		if !entry.IsDir() && strings.HasSuffix(path, ".lock") && old(entry) {
			e.log.Info("remove a stale git lock", "repository", id, "path", path)
			return os.Remove(path)
		}
		return nil
	}
	top, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, entry := range top {
		if err := removeLock(filepath.Join(root, entry.Name()), entry); err != nil {
			return err
		}
	}
	err = filepath.WalkDir(filepath.Join(root, "refs"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return removeLock(path, entry)
	})
	if err != nil {
		return err
	}
	for _, dir := range []string{"objects", "objects/pack"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := entry.Name()
			if !(strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, "incoming-")) || !old(entry) {
				continue
			}
			if err := os.RemoveAll(filepath.Join(root, dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
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
	if err := os.Rename(e.path(id), trash); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNotFound
		}
		return fmt.Errorf("delete repository %s: %w", id, err)
	}
	e.mu.Lock()
	delete(e.open, id)
	e.mu.Unlock()
	if err := syncFolder(e.repositories()); err != nil {
		return fmt.Errorf("delete repository %s: %w", id, err)
	}
	if err := os.RemoveAll(trash); err != nil {
		// The repository is gone all the same; Sweep tries again after the next start.
		e.log.WarnContext(ctx, "files of a deleted repository remain", "repository", id, "error", err)
	}
	return nil
}

// Sweep removes the temporary files that earlier engines over the same folder left behind. It takes as long as there
// are such files, so callers run it beside their start.
func (e *Engine) Sweep(ctx context.Context) error {
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

// take waits for a slot and returns what frees it.
func take(ctx context.Context, slots chan struct{}) (func(), error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
