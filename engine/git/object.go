package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	commitLimit = 16 << 20
	treeLimit   = 64 << 20
	peelLimit   = 16
)

// Signature is who did something and when. Date is as git keeps it: seconds since 1970, a space and the offset from
// UTC, such as "1484167798 -0800".
type Signature struct {
	Name, Email, Date string
}

// NewSignature returns a signature dated t, in t's zone.
func NewSignature(name, email string, t time.Time) Signature {
	return Signature{Name: name, Email: email, Date: strconv.FormatInt(t.Unix(), 10) + t.Format(" -0700")}
}

// Time is the moment of the signature in its own zone; the zero time when Date is not as git writes it.
func (s Signature) Time() time.Time {
	seconds, zone, ok := strings.Cut(s.Date, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil {
		return time.Time{}
	}
	t, err := time.Parse("-0700", zone)
	if err != nil {
		return time.Unix(n, 0).UTC()
	}
	return time.Unix(n, 0).In(t.Location())
}

// Commit is a commit object. Message is as it was written, in whatever encoding.
type Commit struct {
	ID        ID
	Tree      ID
	Parents   []ID
	Author    Signature
	Committer Signature
	Message   string
	// Extra holds the further headers as they stand in the object, such as gpgsig and encoding.
	Extra string
}

func parseCommit(id ID, data []byte) (*Commit, error) {
	c := &Commit{ID: id}
	head, message, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		head = bytes.TrimSuffix(head, []byte("\n"))
	}
	c.Message = string(message)
	var extra strings.Builder
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch {
		case extra.Len() > 0: // the known headers come first; what follows may hold lines that look like them
			extra.WriteString(line + "\n")
		case key == "tree":
			c.Tree = ID(value)
		case key == "parent":
			c.Parents = append(c.Parents, ID(value))
		case key == "author":
			c.Author = parseSignature(value)
		case key == "committer":
			c.Committer = parseSignature(value)
		default:
			extra.WriteString(line + "\n")
		}
	}
	c.Extra = extra.String()
	if !isHexID(string(c.Tree)) {
		return nil, fmt.Errorf("commit %s is damaged", id)
	}
	return c, nil
}

// parseSignature reads "Name <email> date"; what is missing is left empty.
func parseSignature(s string) Signature {
	open, end := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if open < 0 || end < open {
		return Signature{Name: strings.TrimSpace(s)}
	}
	return Signature{Name: strings.TrimSpace(s[:open]), Email: s[open+1 : end], Date: strings.TrimSpace(s[end+1:])}
}

// Commit returns a commit, ErrNotFound or ErrWrongType.
func (r *Repository) Commit(ctx context.Context, id ID) (*Commit, error) {
	commits, err := r.Commits(ctx, []ID{id})
	if err != nil {
		return nil, err
	}
	return commits[0], nil
}

// Commits returns commits in the order of ids, all or an error.
func (r *Repository) Commits(ctx context.Context, ids []ID) ([]*Commit, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("read commits: %w", err)
	}
	defer reader.close()
	commits := make([]*Commit, len(ids))
	for i, id := range ids {
		if commits[i], err = reader.commit(id); err != nil {
			return nil, fmt.Errorf("read commit %.60s: %w", id, err)
		}
	}
	return commits, nil
}

// Blob is the content of a file being read. It must be closed.
type Blob struct {
	io.Reader
	ID   ID
	Size int64

	reader *objectReader
}

// Close ends the reading.
func (b *Blob) Close() error {
	b.reader.close()
	return nil
}

// Blob opens a blob, or returns ErrNotFound or ErrWrongType. A process lives until Close; the content streams.
func (r *Repository) Blob(ctx context.Context, id ID) (*Blob, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	size, err := reader.open(id, "blob")
	if err != nil {
		reader.close()
		return nil, fmt.Errorf("read blob %.60s: %w", id, err)
	}
	return &Blob{Reader: io.LimitReader(exactReader{reader.out}, size), ID: id, Size: size, reader: reader}, nil
}

// exactReader turns an end within a LimitReader's limit into an error.
type exactReader struct{ r io.Reader }

func (e exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ReadBlob returns a blob's content; ErrTooLarge when it has more than limit bytes.
func (r *Repository) ReadBlob(ctx context.Context, id ID, limit int64) ([]byte, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	defer reader.close()
	data, err := reader.read(id, "blob", limit)
	if err != nil {
		return nil, fmt.Errorf("read blob %.60s: %w", id, err)
	}
	return data, nil
}

// objectReader is a git cat-file that serves one call of the object API.
type objectReader struct {
	process *process
	ctx     context.Context
	cancel  context.CancelFunc
	free    func()
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  *tailBuffer
	once    sync.Once
}

// reader starts an objectReader; close must be called. No caller may hold two.
func (r *Repository) reader(ctx context.Context) (*objectReader, error) {
	free, err := take(ctx, r.engine.readers)
	if err != nil {
		return nil, err
	}
	o := &objectReader{process: r.process("cat-file", "--batch"), free: free, stderr: &tailBuffer{limit: stderrLimit}}
	o.ctx, o.cancel = context.WithCancel(ctx)
	if err := o.start(); err != nil {
		o.cancel()
		o.process.close()
		free()
		return nil, err
	}
	return o, nil
}

func (o *objectReader) start() error {
	var err error
	if o.cmd, err = o.process.command(o.ctx); err != nil {
		return err
	}
	o.cmd.Stderr = o.stderr
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	o.out = bufio.NewReaderSize(out, 32<<10)
	return o.process.result(o.ctx, o.cmd.Start(), o.stderr)
}

func (o *objectReader) close() {
	o.once.Do(func() {
		// Asked for nothing more, cat-file ends by itself; only one that still prints has to be told.
		_ = o.in.Close()
		o.cancel()
		_ = o.cmd.Wait()
		o.process.close()
		o.free()
	})
}

// open asks for an object and returns its size; its content and a newline follow in out.
func (o *objectReader) open(id ID, want string) (int64, error) {
	if !isHexID(string(id)) {
		return 0, ErrInvalidID
	}
	kind, size, err := o.header(id)
	if err != nil {
		return 0, err
	}
	if kind != want {
		return size, fmt.Errorf("a %s where a %s is wanted: %w", kind, want, ErrWrongType)
	}
	return size, nil
}

func (o *objectReader) header(id ID) (kind string, size int64, err error) {
	if _, err := io.WriteString(o.in, string(id)+"\n"); err != nil {
		return "", 0, o.failed(err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		return "", 0, o.failed(err)
	}
	fields := strings.Fields(line)
	if len(fields) == 2 && fields[1] == "missing" {
		return "", 0, ErrNotFound
	}
	if len(fields) != 3 {
		return "", 0, fmt.Errorf("unexpected line %q of git cat-file", line)
	}
	size, err = strconv.ParseInt(fields[2], 10, 64)
	return fields[1], size, err
}

func (o *objectReader) failed(err error) error {
	if o.ctx.Err() != nil {
		return o.ctx.Err()
	}
	return fmt.Errorf("git cat-file: %w: %s", err, strings.TrimSpace(o.stderr.String()))
}

// read returns the content of an object of the wanted type. After ErrTooLarge the reader cannot be used further;
// after ErrWrongType it can.
func (o *objectReader) read(id ID, want string, limit int64) ([]byte, error) {
	size, err := o.open(id, want)
	if errors.Is(err, ErrWrongType) {
		if _, skip := io.CopyN(io.Discard, o.out, size+1); skip != nil {
			return nil, o.failed(skip)
		}
	}
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s of %d bytes: %w", want, size, ErrTooLarge)
	}
	data := make([]byte, size+1)
	if _, err := io.ReadFull(o.out, data); err != nil {
		return nil, o.failed(err)
	}
	return data[:size], nil
}

func (o *objectReader) commit(id ID) (*Commit, error) {
	data, err := o.read(id, "commit", commitLimit)
	if err != nil {
		return nil, err
	}
	return parseCommit(id, data)
}

// peel follows tag objects to the commit at their end.
func (o *objectReader) peel(id ID) (ID, error) {
	for range peelLimit {
		data, err := o.read(id, "tag", commitLimit)
		if errors.Is(err, ErrWrongType) {
			_, err = o.read(id, "commit", commitLimit)
			return id, err
		}
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(string(data), "\n")
		if id, err = ParseID(strings.TrimPrefix(line, "object ")); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("more than %d tags in a chain: %w", peelLimit, ErrTooLarge)
}
