package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"drydock/blob/seal"
)

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
)

// Repository is one bare repository. It holds no resources and its methods are safe for concurrent use. After Delete
// they fail.
type Repository struct {
	engine *Engine
	id     string
	keys   *seal.RootKey
	state  *state
}

// ID is the id the repository was created with.
func (r *Repository) ID() string { return r.id }

// Ref is a reference: its full name, the object it names and, for annotated tags, the object at the tag's end.
type Ref struct {
	Name   string
	ID     ID
	Peeled ID // as ID unless the reference names a tag object
}

// Branch is the name without refs/heads/, or "" when the reference is no branch.
func (r Ref) Branch() string { return after(r.Name, branchPrefix) }

func after(s, prefix string) string {
	if rest, ok := strings.CutPrefix(s, prefix); ok {
		return rest
	}
	return ""
}

func (r *Repository) process(args ...string) *process {
	return &process{tool: r.engine.git, home: r.engine.home(), repository: r, args: args}
}

// run runs a git command to its end.
func (r *Repository) run(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	free, err := take(ctx, r.engine.commands)
	if err != nil {
		return nil, err
	}
	defer free()
	return r.process(args...).run(ctx, stdin)
}

// refs lists the references that are or lie below one of the names, by name.
func (r *Repository) refs(ctx context.Context, names ...string) ([]Ref, error) {
	args := append([]string{"for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", "--"}, names...)
	out, err := r.run(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	var refs []Ref
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), " ", 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("unexpected line %q of git for-each-ref", lines.Text())
		}
		ref := Ref{Name: parts[2], ID: ID(parts[0]), Peeled: ID(parts[1])}
		if ref.Peeled == "" {
			ref.Peeled = ref.ID
		}
		refs = append(refs, ref)
	}
	return refs, lines.Err()
}

// Ref returns the reference with the full name, or ErrNotFound.
func (r *Repository) Ref(ctx context.Context, name string) (Ref, error) {
	if !ValidRefName(name) {
		return Ref{}, fmt.Errorf("reference %.200q: %w", name, ErrInvalidName)
	}
	if ref, ok := r.looseBranch(ctx, name); ok {
		return ref, nil
	}
	refs, err := r.refs(ctx, name)
	if err != nil {
		return Ref{}, fmt.Errorf("read reference %s: %w", name, err)
	}
	for _, ref := range refs {
		if ref.Name == name {
			return ref, nil
		}
	}
	return Ref{}, fmt.Errorf("reference %s: %w", name, ErrNotFound)
}

// looseBranch reads a branch from its file, which saves the process that nearly every call would start with. Git
// replaces the file as a whole, and it outweighs packed-refs; branches name commits, so there is nothing to peel.
func (r *Repository) looseBranch(ctx context.Context, name string) (Ref, bool) {
	if !strings.HasPrefix(name, branchPrefix) {
		return Ref{}, false
	}
	w, leave, err := r.enter(ctx)
	if err != nil {
		return Ref{}, false // which the process finds out too
	}
	defer leave()
	content, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(name)))
	id := strings.TrimSuffix(string(content), "\n")
	if err != nil || len(content) != 41 || !isHexID(id) {
		return Ref{}, false
	}
	return Ref{Name: name, ID: ID(id), Peeled: ID(id)}, true
}

// Branch returns the branch of that name, or ErrNotFound.
func (r *Repository) Branch(ctx context.Context, name string) (Ref, error) {
	if !ValidBranchName(name) {
		return Ref{}, fmt.Errorf("branch %.200q: %w", name, ErrInvalidName)
	}
	return r.Ref(ctx, branchPrefix+name)
}

// Branches lists the branches in the order of their names, up to limit (0 is no limit), beginning behind the branch
// named after (without refs/heads/; it need not exist any more). more tells that others follow.
func (r *Repository) Branches(ctx context.Context, after string, limit int) (refs []Ref, more bool, err error) {
	return r.page(ctx, branchPrefix, after, limit)
}

// Tags lists the tags as Branches does.
func (r *Repository) Tags(ctx context.Context, after string, limit int) (refs []Ref, more bool, err error) {
	return r.page(ctx, tagPrefix, after, limit)
}

func (r *Repository) page(ctx context.Context, prefix, after string, limit int) ([]Ref, bool, error) {
	refs, err := r.refs(ctx, strings.TrimSuffix(prefix, "/"))
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", prefix, err)
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i].Name < refs[j].Name })
	if after != "" {
		refs = refs[sort.Search(len(refs), func(i int) bool { return refs[i].Name > prefix+after }):]
	}
	if limit > 0 && len(refs) > limit {
		return refs[:limit], true, nil
	}
	return refs, false, nil
}

// ResolveCommit finds the commit that a user names by its full id, a full reference name, a branch, a tag, or HEAD,
// tried in this order. It returns ErrNotFound when nothing has the name, ErrWrongType when it is no commit.
func (r *Repository) ResolveCommit(ctx context.Context, name string) (ID, error) {
	id, err := r.resolve(ctx, name)
	if err != nil {
		return "", fmt.Errorf("resolve %.200q: %w", name, err)
	}
	reader, err := r.reader(ctx)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", name, err)
	}
	defer reader.close()
	id, err = reader.peel(id)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", name, err)
	}
	return id, nil
}

func (r *Repository) resolve(ctx context.Context, name string) (ID, error) {
	if isHexID(name) {
		return ID(name), nil
	}
	if name == "HEAD" {
		branch, err := r.DefaultBranch(ctx)
		if err != nil {
			return "", err
		}
		if branch == "" {
			return "", ErrNotFound
		}
		name = branchPrefix + branch
	}
	var candidates []string
	for _, prefix := range []string{"", branchPrefix, tagPrefix} {
		if ValidRefName(prefix + name) {
			candidates = append(candidates, prefix+name)
		}
	}
	if candidates == nil {
		return "", ErrInvalidName
	}
	if ref, ok := r.looseBranch(ctx, candidates[0]); ok {
		return ref.ID, nil
	}
	refs, err := r.refs(ctx, candidates...)
	if err != nil {
		return "", err
	}
	for _, candidate := range candidates {
		if i := slices.IndexFunc(refs, func(ref Ref) bool { return ref.Name == candidate }); i >= 0 {
			return refs[i].ID, nil
		}
	}
	return "", ErrNotFound
}

// CreateBranch makes a branch at a commit. It returns ErrExists, ErrRefConflict, ErrNotFound or ErrWrongType for the
// commit. The first branch becomes the default branch.
func (r *Repository) CreateBranch(ctx context.Context, name string, commit ID) error {
	return r.updateBranch(ctx, name, "", commit)
}

// UpdateBranch moves a branch from a commit to another; ErrBranchMoved when it is not at old.
func (r *Repository) UpdateBranch(ctx context.Context, name string, old, commit ID) error {
	if old == "" {
		return fmt.Errorf("update branch %s without its old commit: %w", name, ErrInvalidID)
	}
	return r.updateBranch(ctx, name, old, commit)
}

func (r *Repository) updateBranch(ctx context.Context, name string, old, commit ID) error {
	if !ValidBranchName(name) {
		return fmt.Errorf("branch %.200q: %w", name, ErrInvalidName)
	}
	if _, err := r.Commit(ctx, commit); err != nil {
		return err
	}
	return r.updateRef(ctx, RefUpdate{Ref: branchPrefix + name, Old: old, New: commit})
}

// DeleteBranch removes a branch and returns the commit it was at. The default branch stays: ErrDefaultBranch.
func (r *Repository) DeleteBranch(ctx context.Context, name string) (ID, error) {
	ref, err := r.Branch(ctx, name)
	if err != nil {
		return "", err
	}
	r.state.head.Lock()
	defer r.state.head.Unlock()
	if head, err := r.headTarget(ctx); err != nil {
		return "", err
	} else if head == ref.Name {
		return "", fmt.Errorf("delete branch %s: %w", name, ErrDefaultBranch)
	}
	return ref.ID, r.updateRef(ctx, RefUpdate{Ref: ref.Name, Old: ref.ID})
}

// RefUpdate is one change of a reference. Old is empty when it is created, New when it is deleted.
type RefUpdate struct {
	Ref      string
	Old, New ID
}

// Kind is "create", "update" or "delete".
func (u RefUpdate) Kind() string {
	switch {
	case u.New == "":
		return "delete"
	case u.Old == "":
		return "create"
	default:
		return "update"
	}
}

// updateRef changes a reference if it has its old value.
func (r *Repository) updateRef(ctx context.Context, u RefUpdate) error {
	if !ValidRefName(u.Ref) || u.Old != "" && !isHexID(string(u.Old)) || u.New != "" && !isHexID(string(u.New)) {
		return fmt.Errorf("update reference %.200q: %w", u.Ref, ErrInvalidName)
	}
	command := fmt.Sprintf("update %s\x00%s\x00%s\x00", u.Ref, u.New.wire(), u.Old.wire())
	if u.New == "" {
		command = fmt.Sprintf("delete %s\x00%s\x00", u.Ref, u.Old.wire())
	}
	_, leave, err := r.enter(ctx)
	if err != nil {
		return fmt.Errorf("update reference %s: %w", u.Ref, err)
	}
	defer leave()
	if _, err := r.run(ctx, strings.NewReader(command), "update-ref", "--no-deref", "--stdin", "-z"); err != nil {
		return fmt.Errorf("update reference %s: %w", u.Ref, r.explainUpdate(ctx, u, err))
	}
	return r.refsChanged(ctx, []RefUpdate{u})
}

// explainUpdate finds why an update was refused.
func (r *Repository) explainUpdate(ctx context.Context, u RefUpdate, cause error) error {
	var failed *CommandError
	if !errors.As(cause, &failed) {
		return cause
	}
	now, err := r.Ref(ctx, u.Ref)
	switch {
	case errors.Is(err, ErrNotFound) && u.Old != "":
		return ErrNotFound
	case err == nil && u.Old == "":
		return ErrExists
	case err == nil && now.ID != u.Old:
		return ErrBranchMoved
	case strings.Contains(failed.Stderr, "cannot create") || strings.Contains(failed.Stderr, "cannot process"):
		return ErrRefConflict
	default:
		return cause
	}
}

// refsChanged lets the first branch of a repository become its default, and saves.
func (r *Repository) refsChanged(ctx context.Context, updates []RefUpdate) error {
	for _, u := range updates {
		if u.Old == "" && u.New != "" && strings.HasPrefix(u.Ref, branchPrefix) {
			if err := r.adoptHead(ctx, u.Ref); err != nil {
				return err
			}
			break
		}
	}
	return r.save(ctx)
}

// adoptHead makes ref the default branch when there is none.
func (r *Repository) adoptHead(ctx context.Context, ref string) error {
	r.state.head.Lock()
	defer r.state.head.Unlock()
	target, err := r.headTarget(ctx)
	if err != nil {
		return err
	}
	if target == ref {
		return nil
	}
	if _, err := r.Ref(ctx, target); !errors.Is(err, ErrNotFound) {
		return err
	}
	return r.setHead(ctx, ref)
}

// DefaultBranch is the branch that HEAD names, without refs/heads/, or "" as long as that branch does not exist.
func (r *Repository) DefaultBranch(ctx context.Context) (string, error) {
	target, err := r.headTarget(ctx)
	if err != nil {
		return "", err
	}
	if _, err := r.Ref(ctx, target); err != nil {
		if errors.Is(err, ErrNotFound) {
			return "", nil
		}
		return "", err
	}
	return after(target, branchPrefix), nil
}

// SetDefaultBranch makes an existing branch the one HEAD names.
func (r *Repository) SetDefaultBranch(ctx context.Context, name string) error {
	r.state.head.Lock()
	defer r.state.head.Unlock()
	_, leave, err := r.enter(ctx)
	if err != nil {
		return fmt.Errorf("set default branch: %w", err)
	}
	defer leave()
	ref, err := r.Branch(ctx, name)
	if err != nil {
		return fmt.Errorf("set default branch: %w", err)
	}
	if err := r.setHead(ctx, ref.Name); err != nil {
		return fmt.Errorf("set default branch: %w", err)
	}
	return r.save(ctx)
}

func (r *Repository) headTarget(ctx context.Context) (string, error) {
	w, leave, err := r.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	content, err := os.ReadFile(filepath.Join(w.dir, "HEAD"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("repository %s: %w", r.id, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("read HEAD: %w", err)
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "ref: ")
	if !ok || !ValidRefName(target) {
		return "", fmt.Errorf("read HEAD of repository %s: %w", r.id, ErrInvalidName)
	}
	return target, nil
}

// setHead replaces HEAD. The caller holds head, and saves.
func (r *Repository) setHead(ctx context.Context, ref string) error {
	w, leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tmp := filepath.Join(w.dir, "HEAD.new")
	if err := os.WriteFile(tmp, []byte("ref: "+ref+"\n"), 0o600); err != nil {
		return fmt.Errorf("write HEAD: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(w.dir, "HEAD")); err != nil {
		return fmt.Errorf("replace HEAD: %w", err)
	}
	return nil
}
