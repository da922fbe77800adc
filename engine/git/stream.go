package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Stream is a connection of one git client, as over SSH: what it says comes in and what it is told goes out as both go
// along.
type Stream struct {
	// In ends when the client has said all. It must end after ServeStream returns, at the latest.
	In  io.Reader
	Out io.Writer
	// Protocol is the client's GIT_PROTOCOL.
	Protocol string
}

// ServeStream serves one client to its end. Authorize and Committed of a push are those of ReceivePack.
func (r *Repository) ServeStream(ctx context.Context, service Service, s Stream, authorize func([]RefUpdate) error, committed func([]RefUpdate)) error {
	switch service {
	case UploadPack:
		return r.uploadStream(ctx, s)
	case ReceivePack:
		return r.receiveStream(ctx, s, authorize, committed)
	default:
		return fmt.Errorf("service %q: %w", service, ErrProtocol)
	}
}

// uploadStream lets git talk to the client itself.
func (r *Repository) uploadStream(ctx context.Context, s Stream) error {
	free, err := take(ctx, r.engine.transfers)
	if err != nil {
		return err
	}
	defer free()
	p := r.process("upload-pack", ".")
	p.env = protocolEnvironment(s.Protocol)
	defer p.close()
	cmd, err := p.command(ctx)
	if err != nil {
		return err
	}
	stderr := &tailBuffer{limit: stderrLimit}
	cmd.Stdout, cmd.Stderr = s.Out, stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return p.result(ctx, err, stderr)
	}
	// A client waits for git to end before it closes its side, so nobody waits for this.
	go func() {
		_, _ = io.Copy(in, onlyReader{s.In})
		_ = in.Close() // which tells git that the client has said all, or has gone
	}()
	err = p.result(ctx, cmd.Wait(), stderr)
	if _, ok := errors.AsType[*CommandError](err); ok {
		r.engine.log.LogAttrs(ctx, slog.LevelInfo, "upload-pack ended early", slog.String("repository", r.id), slog.Any("error", err))
	}
	return err
}

// receiveStream tells the client the references, and then takes what it pushes as from a request.
func (r *Repository) receiveStream(ctx context.Context, s Stream, authorize func([]RefUpdate) error, committed func([]RefUpdate)) error {
	if err := r.advertise(ctx, s.Out); err != nil {
		return err
	}
	err := r.ReceivePack(ctx, s.Out, s.In, authorize, committed)
	if errors.Is(err, errNoPush) { // the client only wanted to know the references
		return nil
	}
	return err
}

// advertise writes the references as pushes over a stream want them.
func (r *Repository) advertise(ctx context.Context, w io.Writer) error {
	free, err := take(ctx, r.engine.transfers)
	if err != nil {
		return err
	}
	defer free()
	return r.process("receive-pack", "--stateless-rpc", "--advertise-refs", ".").stream(ctx, nil, w)
}
