//go:build unix

package supervisor

import (
	"fmt"
	"io/fs"
	"syscall"

	"drydock/machine"
)

// controlFD is where the supervisor finds its end of the connection.
const controlFD = 3

// lineLimit bounds one JSON line: environments and arguments can be large, but the kernel takes no more than this.
const lineLimit = 8 << 20

// ready is the supervisor's answer to its configuration.
type ready struct {
	Error string `json:"error,omitempty"`
}

// request goes to the machine: first the command to run, then signals for it.
type request struct {
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	User string   `json:"user,omitempty"`
	// Terminal tells that the first stream is a terminal, which the command is to be controlled by.
	Terminal bool           `json:"terminal,omitempty"`
	Signal   syscall.Signal `json:"signal,omitempty"`
	Kill     bool           `json:"kill,omitempty"` // the command with all of its descendants
}

// report comes from the machine: first how starting went, then how the command ended.
type report struct {
	Failure *failure       `json:"failure,omitempty"`
	Started bool           `json:"started,omitempty"`
	Exited  bool           `json:"exited,omitempty"`
	Code    int            `json:"code,omitempty"`
	Signal  syscall.Signal `json:"signal,omitempty"`
}

// failure is an error that crossed the connection and can still be told apart.
type failure struct {
	Text  string        `json:"text"`
	Errno syscall.Errno `json:"errno,omitempty"`
	Kind  string        `json:"kind,omitempty"`
}

const (
	kindUnsupported = "unsupported"
	kindInvalid     = "invalid"
	kindNotFound    = "notFound"
)

func (f *failure) err() error {
	switch {
	case f.Kind == kindUnsupported:
		return fmt.Errorf("%s: %w", f.Text, machine.ErrUnsupported)
	case f.Kind == kindInvalid:
		return fmt.Errorf("%s: %w", f.Text, machine.ErrInvalid)
	case f.Kind == kindNotFound:
		return fmt.Errorf("%s: %w", f.Text, fs.ErrNotExist)
	case f.Errno != 0:
		return fmt.Errorf("%s: %w", f.Text, f.Errno)
	default:
		return fmt.Errorf("%s", f.Text)
	}
}
