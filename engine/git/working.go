package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// idleBytes and idleCopies bound the working copies that nobody uses at the moment.
	idleBytes, idleCopies = 512 << 20, 256
	// workingReserve is how much room a working copy must find besides its objects, for what is pushed into it.
	workingReserve = 256 << 20
	// noRoom is what git says when the file system of the working copy is full.
	noRoom = "No space left on device"
)

// state is what an engine knows of one repository.
type state struct {
	head sync.Mutex // held while HEAD is changed

	load sync.Mutex // held while the working copy is made or taken away; guards the fields below
	copy *working   // nil while there is none
	gone bool       // the repository was deleted

	// Engine.mu guards the fields below.
	uses   int    // who needs the working copy now
	used   uint64 // when it was needed last, by Engine.tick
	loaded bool   // there is one
	size   int64  // of its objects
	memory bool   // it lies in memory
	large  bool   // memory had no room for it
	broken bool   // a push ended early, and may have left what it had received
}

// working is a working copy of a repository: a bare repository as git knows it, made of the sealed one. It is as good as
// gone at any time, for all that counts is saved before it is acknowledged.
type working struct {
	dir string

	mu    sync.Mutex      // held while it is saved; guards the fields below
	saved map[string]bool // the files of objects that are sealed, by their path in the repository
	refs  string          // the references as they are sealed
}

// enter returns the working copy, which stays until leave is called at least. Whoever changes it stays from before the
// change until it is saved.
func (r *Repository) enter(ctx context.Context) (w *working, leave func(), err error) {
	e, s := r.engine, r.state
	e.mu.Lock()
	s.uses++
	e.tick++
	s.used = e.tick
	e.mu.Unlock()
	leave = sync.OnceFunc(func() { e.leave(s) })
	if w, err = r.workingCopy(ctx); err != nil {
		leave()
		return nil, nil, fmt.Errorf("repository %s: %w", r.id, err)
	}
	return w, leave, nil
}

// workingCopy returns the working copy, which it makes if there is none.
func (r *Repository) workingCopy(ctx context.Context) (*working, error) {
	s := r.state
	s.load.Lock()
	defer s.load.Unlock()
	if s.gone {
		return nil, ErrNotFound
	}
	if s.copy != nil && !s.copy.there() {
		r.engine.log.WarnContext(ctx, "somebody has removed the working copy of a repository", "repository", r.id, "path", s.copy.dir)
		r.engine.drop(s)
	}
	if s.copy == nil {
		if err := r.makeCopy(ctx); err != nil {
			return nil, err
		}
	}
	return s.copy, nil
}

// there tells whether the files are. A host may clean up its memory file system behind our back, as systemd does when a
// user's last session ends.
func (w *working) there() bool {
	_, err := os.Lstat(filepath.Join(w.dir, "HEAD"))
	return err == nil
}

// makeCopy makes the working copy. The caller holds load.
func (r *Repository) makeCopy(ctx context.Context) error {
	sealed := r.sealed()
	files, size, err := sealed.objects()
	if err != nil {
		return err
	}
	e, s := r.engine, r.state
	e.mu.Lock()
	large := s.large
	e.mu.Unlock()
	root, memory := e.workingRoot(size, large)
	if err := makeDurableFolder(root); err != nil {
		return err
	}
	dir := filepath.Join(root, e.temporaryName("working"))
	w := &working{dir: dir, saved: make(map[string]bool, len(files))}
	if err := w.fill(ctx, sealed, files); err != nil {
		_ = os.RemoveAll(dir) // Sweep does it otherwise
		if memory && errors.Is(err, syscall.ENOSPC) {
			e.mu.Lock()
			s.large = true
			e.mu.Unlock()
			return r.makeCopy(ctx)
		}
		return err
	}
	s.copy = w
	e.mu.Lock()
	defer e.mu.Unlock()
	s.memory = memory
	e.account(s, true, size)
	return nil
}

// workingRoot is the folder for a working copy of size bytes, and whether it lies in memory.
func (e *Engine) workingRoot(size int64, large bool) (path string, memory bool) {
	if path = e.memory.folder(); path != "" && !large && freeSpace(path) >= size+workingReserve {
		return path, true
	}
	return e.temporary(), false
}

// pushBroke notes that a push ended early.
func (r *Repository) pushBroke() {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	r.state.broken = true
}

// crowded notes that memory has no room for what the repository is to hold.
func (r *Repository) crowded() {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	if r.state.memory && !r.state.large {
		r.state.large = true
		r.engine.log.Warn("memory has no room for a repository: its working copy will lie on the disk", "repository", r.id)
	}
}

// fill makes the files of a working copy.
func (w *working) fill(ctx context.Context, sealed sealedFolder, files []string) error {
	for _, name := range []string{"", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "info"} {
		if err := os.Mkdir(filepath.Join(w.dir, name), 0o700); err != nil {
			return err
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
	if err := os.WriteFile(filepath.Join(w.dir, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	refs, err := sealed.readRefs()
	if err != nil {
		return err
	}
	w.refs = refs
	if err := writeRefs(w.dir, refs); err != nil {
		return err
	}
	for _, name := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := sealed.open(name, filepath.Join(w.dir, name)); err != nil {
			return err
		}
		w.saved[name] = true
	}
	return nil
}

// save seals what changed in the working copy, so that it survives. The caller has entered. When it fails the working
// copy is given up, for it holds what was not acknowledged.
func (r *Repository) save(ctx context.Context) error {
	w, leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := r.saveCopy(w); err != nil {
		if errors.Is(err, fs.ErrNotExist) && !r.engine.Exists(r.id) {
			err = ErrNotFound // deleted meanwhile
		}
		r.giveUp(w)
		return fmt.Errorf("save repository %s: %w", r.id, err)
	}
	return nil
}

func (r *Repository) saveCopy(w *working) error {
	if !r.current(w) {
		return errors.New("another change could not be saved")
	}
	// The references come first: the objects that they name are there then, whatever is pushed or packed meanwhile.
	refs, err := readRefs(w.dir)
	if err != nil {
		return err
	}
	var files map[string]int64
	for tries := 0; ; tries++ {
		if files, err = objectFiles(w.dir); err != nil {
			return err
		}
		if err = r.sealNew(w, files); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || tries == 3 || !r.engine.Exists(r.id) {
			return err // otherwise a file was packed into another one just now
		}
	}
	sealed := r.sealed()
	if refs != w.refs {
		if err := sealed.writeRefs(refs); err != nil {
			return err
		}
		w.refs = refs
	}
	size := int64(0)
	for _, n := range files {
		size += n
	}
	for name := range w.saved {
		if _, ok := files[name]; ok {
			continue
		}
		if err := os.Remove(sealed.path(name)); err != nil {
			return err
		}
		delete(w.saved, name)
	}
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.state.loaded {
		e.account(r.state, true, size)
	}
	return nil
}

// sealNew seals the files of objects that are new.
func (r *Repository) sealNew(w *working, files map[string]int64) error {
	sealed := r.sealed()
	folders := map[string]bool{}
	for _, name := range inOrder(files) {
		if w.saved[name] {
			continue
		}
		if err := sealed.close(name, filepath.Join(w.dir, name)); err != nil {
			return err
		}
		folders[filepath.Dir(sealed.path(name))] = true
		w.saved[name] = true
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// current tells whether w is the working copy.
func (r *Repository) current(w *working) bool {
	r.state.load.Lock()
	defer r.state.load.Unlock()
	return r.state.copy == w
}

// giveUp makes the next who needs a working copy make another one.
func (r *Repository) giveUp(w *working) {
	s := r.state
	s.load.Lock()
	defer s.load.Unlock()
	if s.copy == w {
		r.engine.drop(s)
	}
}

// drop takes the working copy away. The caller holds load.
func (e *Engine) drop(s *state) {
	if s.copy == nil {
		return
	}
	if err := os.RemoveAll(s.copy.dir); err != nil {
		e.log.Warn("a working copy of a repository remains", "path", s.copy.dir, "error", err)
	}
	s.copy = nil
	e.mu.Lock()
	defer e.mu.Unlock()
	e.account(s, false, 0)
}

// account counts a working copy. The caller holds mu.
func (e *Engine) account(s *state, loaded bool, size int64) {
	e.bytes += size - s.size
	if loaded != s.loaded {
		e.copies += map[bool]int{true: 1, false: -1}[loaded]
	}
	s.loaded, s.size = loaded, size
}

// leave ends a use, and takes idle working copies away when there are too many.
func (e *Engine) leave(s *state) {
	e.mu.Lock()
	s.uses--
	misplaced := s.loaded && s.memory && s.large
	broken := s.broken && s.uses == 0
	e.mu.Unlock()
	if misplaced {
		e.evict(s)
	}
	if broken {
		e.tidy(s)
	}
	for {
		idle := e.oldestIdle()
		if idle == nil || !e.evict(idle) {
			return
		}
	}
}

// oldestIdle returns the repository whose working copy should go, if any should.
func (e *Engine) oldestIdle() *state {
	e.mu.Lock()
	defer e.mu.Unlock()
	var oldest *state
	if e.bytes <= e.idleBytes && e.copies <= e.idleCopies {
		return nil
	}
	for _, s := range e.states {
		if s.loaded && s.uses == 0 && s.used != e.tick && (oldest == nil || s.used < oldest.used) {
			oldest = s
		}
	}
	return oldest
}

// tidy removes what pushes that ended early have left, unless somebody needs the working copy again. Git removes it, too, but
// a git that is told to end may write while another removes.
func (e *Engine) tidy(s *state) {
	s.load.Lock()
	defer s.load.Unlock()
	e.mu.Lock()
	idle := s.uses == 0
	s.broken = s.broken && !idle
	e.mu.Unlock()
	if !idle || s.copy == nil {
		return
	}
	left, err := filepath.Glob(filepath.Join(s.copy.dir, "objects", "tmp_objdir-*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		e.log.Warn("what a push left remains", "path", s.copy.dir, "error", err)
	}
}

// evict takes a working copy away unless somebody needs it again.
func (e *Engine) evict(s *state) bool {
	s.load.Lock()
	defer s.load.Unlock()
	e.mu.Lock()
	idle := s.uses == 0
	e.mu.Unlock()
	// Whoever comes now waits for load, and makes another one.
	if idle {
		e.drop(s)
	}
	return idle
}
