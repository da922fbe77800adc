package machine

import (
	"context"
	"errors"
	"io"
	"syscall"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnsupported means that the driver, or this host, cannot do what was asked; the text says what and why.
	ErrUnsupported = errors.New("not supported here")
	// ErrNotRunning means that the machine is stopped, or ended while it was being used.
	ErrNotRunning = errors.New("machine is not running")
	// ErrExists means that a machine of that ID is there already.
	ErrExists = errors.New("machine exists")
	// ErrInvalid means that a Spec or a Command cannot be understood.
	ErrInvalid = errors.New("invalid")
)

// Driver provides machines. Its methods are safe for concurrent use. A folder given to it is owned by the Host, exists,
// and holds this machine alone.
type Driver interface {
	// Capabilities tells what the driver can promise on this host.
	Capabilities() Capabilities
	// Create lays out a stopped machine in folder: its root file system and nothing outside of folder.
	Create(ctx context.Context, folder string, spec Spec) (Instance, error)
	// Clean ends and frees whatever a machine of an earlier process left outside of its folder: processes, control
	// groups. A folder that no machine was ever made in is no error.
	Clean(ctx context.Context, folder string) error
}

// Instance is one machine of a Driver. Its methods are safe for concurrent use.
type Instance interface {
	// Start boots the machine: when it returns, commands can be run. A machine that was stopped can be started again.
	Start(ctx context.Context) error
	// Spawn starts a command. The command's tree is killed when ctx ends. It fails with ErrNotRunning unless started.
	Spawn(ctx context.Context, command Command) (Process, error)
	// Stop kills the machine's whole process tree and frees everything but its files. Stopping twice is no error.
	Stop(ctx context.Context) error
	// Done is closed when the machine that was started last has ended, by Stop or by itself.
	Done() <-chan struct{}
	// Root is the host folder of the machine's root file system. What the driver mounts over it is not seen there.
	Root() string
	// Path tells how a process in the machine names the machine's absolute path p.
	Path(p string) string
}

// Process is a command that was started in a machine. Its methods are safe for concurrent use.
type Process interface {
	// Wait waits for the command to end and its output to be delivered, and tells how it ended. The error is the
	// context's cause when that ended first, ErrNotRunning when the machine did, or what a stream's writer returned. A
	// command that failed is an Exit, not an error. Wait may be called many times.
	Wait() (Exit, error)
	// Signal sends a signal to the command's process group. A command that has ended gets nothing.
	Signal(signal syscall.Signal) error
	// Resize changes the size of the command's terminal. Without one, or when the command has ended, it does nothing.
	Resize(size Terminal) error
}

// Isolation tells what separates a machine from its host.
type Isolation string

// The kinds of isolation.
const (
	// IsolationNone: processes of the host's user, seeing the host's files, processes and network.
	IsolationNone Isolation = "none"
	// IsolationNamespaces: own user, mount, process, host name and IPC namespaces on the host's kernel.
	IsolationNamespaces Isolation = "namespaces"
)

// Capabilities is what a driver can promise on this host.
type Capabilities struct {
	Driver    string // the driver's name
	Isolation Isolation
	Memory    bool // Limits.MemoryBytes is enforced
	Processes bool // Limits.Processes is enforced
	CPUs      bool // Limits.CPUs is enforced
	// Users tells that commands can run as users other than the machine's first one.
	Users bool
	// ReadOnly tells that read-only mounts, and the host's own files, cannot be written.
	ReadOnly bool
	// Networks are the modes that Network.Mode may name.
	Networks []NetworkMode
	// Path is the value of PATH for commands whose Env has none: the folders of the host's that are seen in a machine.
	Path string
	// Notes say in words what is missing and why, for a person to read at start.
	Notes []string
}

// Command is a program to run in a machine.
type Command struct {
	// Args is the program and its arguments. A program without a slash is looked up in PATH, in the machine.
	Args []string
	// Env is the whole environment, as NAME=value. Only a missing PATH is filled in; the process driver, which has no
	// root file system of its own, also fills in HOME and TMPDIR.
	Env []string
	// Dir is the working folder, absolute in the machine; "" is "/".
	Dir string
	// User is "name", "name:group", "uid" or "uid:gid" by the machine's own /etc/passwd; "" is Spec.User.
	User string
	// Stdin is read until the command ends or the reader does; nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr get the output as it comes, each from one goroutine at a time; nil discards. When both are the
	// same value the command's two streams are one and keep their order. A writer's error ends the stream, not the command.
	Stdout, Stderr io.Writer
	// Terminal, when set, gives the command a terminal of that size for its standard streams: Stdin is what is typed there
	// and Stdout gets what is shown; Stderr is not used, and the end of Stdin is not seen. Where the host has no terminals
	// to give, it is ErrUnsupported.
	Terminal *Terminal
}

// Terminal is the size of a terminal, in characters.
type Terminal struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// Exit tells how a command ended.
type Exit struct {
	// Code is the exit code, or 128 plus the signal's number, as shells report it.
	Code int
	// Signal killed the command; 0 when it exited by itself.
	Signal syscall.Signal
	// OutOfMemory tells that the kernel killed a process of the machine for its memory limit while the command ran.
	OutOfMemory bool
}
