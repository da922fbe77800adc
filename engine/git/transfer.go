package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
)

// Service is one of the two services of git's transport.
type Service string

// The services, by their names on the wire.
const (
	UploadPack  Service = "git-upload-pack"  // what fetches and clones talk to
	ReceivePack Service = "git-receive-pack" // what pushes talk to
)

const (
	reportLimit = 64 << 20
	// drainLimit is how much of a failed push is still read, so that the client listens to the answer.
	drainLimit = 64 << 20
)

// protocolEnvironment passes on the version a client asks for in Git-Protocol, if it is sound.
func protocolEnvironment(header string) []string {
	if header == "" || len(header) > 256 {
		return nil
	}
	for i := range len(header) {
		c := header[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("=:._-", c) >= 0) {
			return nil
		}
	}
	return []string{"GIT_PROTOCOL=" + header}
}

// AdvertiseRefs writes what a client asks for first: the references, or in protocol v2 the capabilities. protocol is
// the request's Git-Protocol header.
func (r *Repository) AdvertiseRefs(ctx context.Context, w io.Writer, service Service, protocol string) error {
	free, err := take(ctx, r.engine.transfers)
	if err != nil {
		return err
	}
	defer free()
	p := r.process(strings.TrimPrefix(string(service), "git-"), "--stateless-rpc", "--advertise-refs", ".")
	p.env = protocolEnvironment(protocol)
	v2 := false
	switch service {
	case UploadPack:
		v2 = strings.Contains(":"+protocol+":", ":version=2:") && p.env != nil
	case ReceivePack:
		p.env = nil // pushes know no v2, and v1 only adds a line
	default:
		return fmt.Errorf("service %q: %w", service, ErrProtocol)
	}
	if !v2 {
		if _, err := w.Write(appendFlush(appendPkt(nil, "# service="+string(service)+"\n"))); err != nil {
			return err
		}
	}
	return p.stream(ctx, nil, w)
}

// UploadPack answers one request of a fetch or clone. protocol is the request's Git-Protocol header.
func (r *Repository) UploadPack(ctx context.Context, w io.Writer, body io.Reader, protocol string) error {
	free, err := take(ctx, r.engine.transfers)
	if err != nil {
		return err
	}
	defer free()
	p := r.process("upload-pack", "--stateless-rpc", ".")
	p.env = protocolEnvironment(protocol)
	defer p.close()
	cmd, err := p.command(ctx)
	if err != nil {
		return err
	}
	stderr := &tailBuffer{limit: stderrLimit}
	cmd.Stdout, cmd.Stderr = w, stderr
	err = feed(cmd, body, drainLimit)
	err = p.result(ctx, err, stderr)
	if _, ok := errors.AsType[*CommandError](err); ok {
		// What a client did wrong was said to the client; a client that hangs up ends git too.
		r.engine.log.LogAttrs(ctx, slog.LevelInfo, "upload-pack ended early", slog.String("repository", r.id), slog.Any("error", err))
		return nil
	}
	return err
}

// feed runs cmd with body as its input. Unlike exec's own copying it reads up to drain bytes on when the process does
// not want them, and it never outlives the call: body must end or fail when ctx does, as that of an HTTP request.
func feed(cmd *exec.Cmd, body io.Reader, drain int64) error {
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() {
		_, err := io.Copy(in, onlyReader{body})
		if closed := in.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_, _ = io.CopyN(io.Discard, body, drain)
		}
		fed <- err
	}()
	err = cmd.Wait()
	<-fed //nolint:errcheck // a push cut short shows in what git makes of it
	return err
}

// onlyReader hides WriteTo, which would read as much as it likes at a time.
type onlyReader struct{ io.Reader }

// ReceivePack answers a push. The updates it asks for go to authorize before git sees anything; its error refuses them
// all and is shown to the pusher as the reason: "! [remote rejected] main -> main (reason)". Else git carries out the
// updates it can, each exactly once, and those go to committed, on disk, before the client hears of them. Neither
// function is called for a push without updates. Progress is passed on while it happens.
//
// A process that dies after git moved the references and before committed returns has told nobody. A caller that may
// not miss a change keeps what authorize saw until committed is called, and compares the references after a restart.
func (r *Repository) ReceivePack(ctx context.Context, w io.Writer, body io.Reader, authorize func([]RefUpdate) error, committed func([]RefUpdate)) error {
	buffered := bufio.NewReaderSize(body, 64<<10)
	head, err := readPushHead(buffered)
	if err != nil {
		return err
	}
	if len(head.updates) == 0 { // how clients probe whether they may push, before they send much
		return nil
	}
	if reason := r.refusal(head, authorize); reason != nil {
		// Read on as git would: a client that still sends does not listen.
		if head.needsPack() {
			if _, err := io.Copy(io.Discard, onlyReader{buffered}); err != nil {
				return fmt.Errorf("read a refused push: %w", err)
			}
		}
		_, err := w.Write(head.refuse(reason))
		return err
	}
	free, err := take(ctx, r.engine.transfers)
	if err != nil {
		return err
	}
	defer free()
	input := io.Reader(bytes.NewReader(head.encode()))
	if head.needsPack() { // after deletions alone, a client on a stream says nothing more and waits
		input = io.MultiReader(input, buffered)
	}
	return r.receive(ctx, w, input, head, committed)
}

// refusal returns the reason for refusing each update, or nil when the push may go on.
func (r *Repository) refusal(head *pushHead, authorize func([]RefUpdate) error) func(RefUpdate) string {
	invalid := func(ref string) bool { return !ValidRefName(ref) || strings.HasPrefix(ref, hiddenRefs) }
	for _, u := range head.updates {
		if invalid(u.Ref) {
			return func(u RefUpdate) string {
				if invalid(u.Ref) {
					return "invalid ref name"
				}
				return "refused with an invalid ref name"
			}
		}
	}
	if authorize == nil {
		return nil
	}
	if err := authorize(append([]RefUpdate(nil), head.updates...)); err != nil {
		return func(RefUpdate) string { return err.Error() }
	}
	return nil
}

// receive lets git take the push.
func (r *Repository) receive(ctx context.Context, w io.Writer, input io.Reader, head *pushHead, committed func([]RefUpdate)) error {
	_, leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	p := r.process("receive-pack", "--stateless-rpc", ".")
	defer p.close()
	cmd, err := p.command(ctx)
	if err != nil {
		return err
	}
	stderr := &tailBuffer{limit: stderrLimit}
	out := &pushOutput{w: w, banded: head.bandSize() > 0}
	cmd.Stdout, cmd.Stderr = out, stderr
	failure := p.result(ctx, feed(cmd, input, drainLimit), stderr)
	if failure != nil {
		r.pushBroke()
	}

	if out.noRoom {
		r.crowded()
	}
	done, err := parseReport(out.report)
	if err != nil && failure == nil {
		failure = err
	}
	var updates []RefUpdate
	for _, u := range head.updates {
		if done[u.Ref] {
			updates = append(updates, u)
		}
	}
	if len(updates) > 0 {
		// The references have moved, whoever still listens: this is seen through even when ctx is done.
		if err := r.refsChanged(context.WithoutCancel(ctx), updates); err != nil {
			return fmt.Errorf("keep a push: %w", err)
		}
		if committed != nil {
			committed(updates)
		}
	}
	if failure != nil && len(out.report) == 0 {
		return failure
	}
	report := out.report
	if !head.reports() {
		report = nil
	}
	_, err = w.Write(head.wrap(report))
	return err
}

// pushOutput takes apart what receive-pack prints: the report is held back until it is true on disk, all else is
// passed on.
type pushOutput struct {
	w       io.Writer
	banded  bool
	pending []byte
	report  []byte
	noRoom  bool // git said that the file system is full
}

func (o *pushOutput) Write(p []byte) (int, error) {
	if len(o.report)+len(o.pending)+len(p) > reportLimit {
		return 0, ErrTooLarge
	}
	if !o.banded {
		o.report = append(o.report, p...)
		return len(p), nil
	}
	o.pending = append(o.pending, p...)
	for len(o.pending) >= 4 {
		r := bytes.NewReader(o.pending)
		kind, data, err := readPkt(r)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		line := o.pending[:len(o.pending)-r.Len()]
		switch {
		case kind != pktData || len(data) == 0: // the last flush is written with the report
		case data[0] == bandData:
			o.report = append(o.report, data[1:]...)
		default:
			o.noRoom = o.noRoom || bytes.Contains(data, []byte(noRoom))
			if _, err := o.w.Write(line); err != nil {
				// Git goes on: an update half done for want of a listener would help nobody.
				o.w = io.Discard
			}
		}
		o.pending = o.pending[len(line):]
	}
	return len(p), nil
}
