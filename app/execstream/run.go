package execstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"drydock/machine"
)

// Streams are the command's streams on the client's side.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Sizes tells the sizes that the terminal takes; nil where there is none.
	Sizes <-chan machine.Terminal
}

// Run asks for a command and returns how it ended. When ctx ends, the connection is closed and with it the command.
// Something may still wait for In when it returns.
func Run(ctx context.Context, conn io.ReadWriteCloser, request Request, streams Streams) (Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	out := &writer{to: conn}
	if err := out.sendJSON(frameRequest, request); err != nil {
		return Exit{}, fmt.Errorf("send request: %w", err)
	}
	more := make(chan struct{}, 1)
	more <- struct{}{}
	go send(ctx, out, streams, more)
	for {
		kind, data, err := receive(conn)
		if ctx.Err() != nil {
			return Exit{}, context.Cause(ctx)
		}
		if err != nil {
			return Exit{}, errors.New("the connection to the cloud was lost")
		}
		switch kind {
		case frameMore:
			select {
			case more <- struct{}{}:
			default:
			}
		case frameOutput:
			_, err = streams.Out.Write(data)
		case frameError:
			_, err = streams.Err.Write(data)
		case frameExit:
			var exit Exit
			return exit, json.Unmarshal(data, &exit)
		default:
			err = fmt.Errorf("the cloud sends a frame of kind %q", kind)
		}
		if err != nil {
			return Exit{}, err
		}
	}
}

// send sends input and sizes. What cannot be sent is of no use: the other direction tells that the connection is lost.
func send(ctx context.Context, out *writer, streams Streams, more <-chan struct{}) {
	if streams.Sizes != nil {
		go func() {
			for {
				select {
				case size := <-streams.Sizes:
					_ = out.sendJSON(frameResize, size)
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	piece := make([]byte, pieceSize)
	for {
		n, err := streams.In.Read(piece)
		if n > 0 {
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
			if out.send(frameInput, piece[:n]) != nil {
				return
			}
		}
		if err != nil {
			select {
			case <-more: // so that the end finds room
			case <-ctx.Done():
				return
			}
			_ = out.send(frameEnd, nil)
			return
		}
	}
}
