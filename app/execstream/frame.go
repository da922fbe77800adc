package execstream

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"drydock/machine"
)

// Protocol is what the HTTP connection is upgraded to.
const Protocol = "drydock-exec/1"

// The kinds of frames. The client sends the first four.
const (
	frameRequest byte = 'r' // a Request, as JSON
	frameInput   byte = 'i' // a piece of input
	frameEnd     byte = 'e' // there is no more input
	frameResize  byte = 'w' // a machine.Terminal, as JSON

	frameMore   byte = 'm' // the input so far was taken
	frameOutput byte = 'o'
	frameError  byte = 'x' // a piece of the command's standard error
	frameExit   byte = 'q' // an Exit, as JSON; the last one
)

const (
	// maxFrame is the largest frame, which a Request's arguments may take.
	maxFrame = 1 << 20
	// pieceSize is the most of a stream in one frame.
	pieceSize = 32 << 10
)

// Request is the command to run.
type Request struct {
	Args []string `json:"args"`
	// Env is added to the environment that the machine's owner gives.
	Env []string `json:"env,omitempty"`
	// Terminal, when set, is the size of the terminal that the command is to have.
	Terminal *machine.Terminal `json:"terminal,omitempty"`
}

// Exit tells how the command ended, or why it could not be run.
type Exit struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"`
}

// writer sends frames. It is safe for concurrent use.
type writer struct {
	mu sync.Mutex // keeps a frame in one piece
	to io.Writer
}

func (w *writer) send(kind byte, data []byte) error {
	frame := make([]byte, 5, 5+len(data))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(data)))
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.to.Write(append(frame, data...))
	return err
}

func (w *writer) sendJSON(kind byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > maxFrame {
		return fmt.Errorf("a command of %d bytes is too long", len(data))
	}
	return w.send(kind, data)
}

// stream is one of the command's outputs, as frames of its kind.
type stream struct {
	*writer
	kind byte
}

// Write sends p.
func (s stream) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), pieceSize)
		if err := s.send(s.kind, rest[:n]); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// receive reads a frame.
func receive(from io.Reader) (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	data = make([]byte, n)
	if _, err := io.ReadFull(from, data); err != nil {
		return 0, nil, err
	}
	return head[0], data, nil
}
