package execstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"drydock/machine"
)

// errGone ends the command of a client that went away.
var errGone = errors.New("the client went away")

// Spawn starts a command in a machine: machine.Machine's.
type Spawn func(ctx context.Context, command machine.Command) (machine.Process, error)

// Serve runs the command that the client asks for and returns when it has ended. base is what the command begins with:
// environment, folder and user. The caller closes the connection.
func Serve(ctx context.Context, conn io.ReadWriter, spawn Spawn, base machine.Command) error {
	kind, data, err := receive(conn)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	out := &writer{to: conn}
	var request Request
	if kind != frameRequest || json.Unmarshal(data, &request) != nil {
		return out.sendJSON(frameExit, Exit{Code: cannotRun, Error: "malformed request"})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	input, typed := io.Pipe()
	defer func() { _ = input.Close() }()
	command := base
	command.Args, command.Terminal = request.Args, request.Terminal
	command.Env = slices.Concat(command.Env, request.Env)
	command.Stdin, command.Stdout, command.Stderr = input, stream{out, frameOutput}, stream{out, frameError}
	process, err := spawn(ctx, command)
	if err != nil {
		return out.sendJSON(frameExit, Exit{Code: cannotRun, Error: err.Error()})
	}
	s := &served{conn: conn, out: out, process: process, pieces: make(chan []byte, 1)}
	go func() { cancel(s.listen()) }()
	go s.feed(typed)
	exit, err := process.Wait()
	if err != nil && context.Cause(ctx) != nil {
		return err
	}
	end := Exit{Code: exit.Code}
	if errors.Is(err, machine.ErrNotRunning) {
		end = Exit{Code: killed, Error: "the machine has ended"}
	} else if err != nil {
		end = Exit{Code: cannotRun, Error: err.Error()}
	}
	return out.sendJSON(frameExit, end)
}

// Exit codes as env and shells have them: of a command that could not be run, and of one that was killed.
const (
	cannotRun = 126
	killed    = 137
)

// served is a command that runs.
type served struct {
	conn    io.Reader
	out     *writer
	process machine.Process
	pieces  chan []byte // of input; a client that keeps to the protocol has one on its way at most
}

// listen takes what the client sends until it goes away, and returns why.
func (s *served) listen() error {
	defer close(s.pieces)
	ended := false
	for {
		kind, data, err := receive(s.conn)
		if err != nil {
			return errGone
		}
		switch kind {
		case frameInput, frameEnd:
			if ended {
				return errors.New("input after its end")
			}
			if kind == frameEnd {
				ended, data = true, nil
			} else if len(data) == 0 {
				continue
			}
			select {
			case s.pieces <- data:
			default:
				return errors.New("input that nobody asked for")
			}
		case frameResize:
			var size machine.Terminal
			if json.Unmarshal(data, &size) != nil {
				return errors.New("malformed size of a terminal")
			}
			if err := s.process.Resize(size); err != nil {
				return err
			}
		default:
			return fmt.Errorf("a frame of kind %q", kind)
		}
	}
}

// feed gives the command its input. An empty piece is the end.
func (s *served) feed(typed *io.PipeWriter) {
	defer func() { _ = typed.Close() }()
	open := true
	for piece := range s.pieces {
		if len(piece) == 0 {
			return
		}
		if open {
			if _, err := typed.Write(piece); err != nil {
				open = false // the command does not read any more: the rest is nobody's
			}
		}
		if s.out.send(frameMore, nil) != nil {
			open = false // which listen notices
		}
	}
}
