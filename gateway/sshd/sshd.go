// Package sshd is the cloud's front for SSH, as AWS has it for CodeCommit: users are those whose public keys IAM knows,
// under the ids it gave to the keys, and all that a session may do is to run the commands of one service. There are no
// shells, terminals, forwarded ports or passwords.
//
// Whoever can reach the port can open connections, so these are bounded before anybody is known: in number, for each
// address and for all; in time, on the machine's clock; and in keys that are tried. Clients that are known keep a
// connection as long as commands run on it, and a while longer.
package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"drydock/aws"
	"drydock/clock"
	"drydock/policy"
)

const (
	// handshakeLimit is how long a client may take to say who it is.
	handshakeLimit = 30 * time.Second
	// attemptLimit is how many keys a client may try, as many as OpenSSH lets it.
	attemptLimit = 6
	// idleLimit is how long a client may stay connected without a command that runs; an HTTP client may as long.
	idleLimit = 2 * time.Minute
	// connectionLimit and sessionLimit bound the clients, and what one of them does at a time.
	connectionLimit = 256
	sessionLimit    = 10
	// unknownLimit bounds the clients that have not said who they are, so that they leave room for those who have;
	// originLimit those among them that come from one address, or from one network of IPv6.
	unknownLimit = 128
	originLimit  = 32
	// commandLimit and environmentLimit bound what a client says before it is served.
	commandLimit     = 4096
	environmentLimit = 256
)

// Config says how an SSH front serves.
type Config struct {
	// Identity knows the keys; nil refuses everybody.
	Identity policy.SSHIdentity
	// NewCall makes a call by a user.
	NewCall func(ctx context.Context, p aws.Principal) *aws.Call
	// Serve carries out a command and returns its exit status; nil refuses every command.
	Serve func(call *aws.Call, session *Session) int
	Log   *slog.Logger
}

// Session is one command of a client.
type Session struct {
	Command string
	// GitProtocol is what the client set GIT_PROTOCOL to.
	GitProtocol string
	// In ends when the client has said all, and soon after the command has returned.
	In       io.Reader
	Out, Err io.Writer
}

// Server is an SSH front.
type Server struct {
	config  Config
	slots   chan struct{}
	unknown unknown

	working sync.WaitGroup
	mu      sync.Mutex // guards the fields below
	open    map[io.Closer]bool
	closed  bool
}

// New returns a front that does not listen yet.
func New(config Config) *Server {
	return &Server{config: config, slots: make(chan struct{}, connectionLimit), open: map[io.Closer]bool{}}
}

// Serve answers the connections of a listener until Close. Clients recognise the server by the host key.
func (s *Server) Serve(listener net.Listener, hostKey ssh.Signer) error {
	if !s.keep(listener) {
		return nil
	}
	defer s.drop(listener)
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept SSH connections: %w", err)
		}
		origin := originOf(conn.RemoteAddr())
		if !s.unknown.enter(origin) {
			_ = conn.Close() // one unknown client too many
			continue
		}
		select {
		case s.slots <- struct{}{}:
		default:
			s.unknown.leave(origin)
			_ = conn.Close() // one client too many
			continue
		}
		if !s.keep(conn) {
			return nil
		}
		s.working.Go(func() {
			defer func() { <-s.slots }()
			defer s.drop(conn)
			s.connection(conn, hostKey, origin)
		})
	}
}

// keep notes what Close has to close; it closes it at once, and reports false, after Close.
func (s *Server) keep(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.open[c] = true
	return true
}

func (s *Server) drop(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	_ = c.Close()
}

// Close ends listening and all connections, and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.working.Wait()
}

var errRefused = errors.New("unknown key")

// principalKey is where the caller stands in a connection's permissions.
type principalKey struct{}

// connection authenticates a client and serves its sessions.
func (s *Server) connection(conn net.Conn, hostKey ssh.Signer, origin netip.Prefix) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, channels, requests, err := s.handshake(ctx, conn, hostKey)
	s.unknown.leave(origin)
	if err != nil {
		s.config.Log.InfoContext(ctx, "SSH client not admitted", "remote", conn.RemoteAddr().String(), "error", err)
		return
	}
	use := use{conn: conn}
	if err := use.idle(); err != nil {
		return
	}
	principal, _ := client.Permissions.ExtraData[principalKey{}].(aws.Principal)
	go ssh.DiscardRequests(requests) // it ends with the connection
	var sessions sync.WaitGroup
	slots := make(chan struct{}, sessionLimit)
	for opened := range channels {
		if opened.ChannelType() != "session" {
			_ = opened.Reject(ssh.UnknownChannelType, "only sessions are served")
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = opened.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		channel, asked, err := opened.Accept()
		if err != nil {
			<-slots
			continue
		}
		sessions.Go(func() {
			defer func() { <-slots }()
			s.session(ctx, principal, &use, channel, asked)
		})
	}
	cancel()
	sessions.Wait()
}

// handshake lets a client say who it is, for a while.
func (s *Server) handshake(ctx context.Context, conn net.Conn, hostKey ssh.Signer) (*ssh.ServerConn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	config := &ssh.ServerConfig{
		MaxAuthTries: attemptLimit,
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			p, err := s.authenticate(ctx, meta.User(), key)
			if err != nil {
				return nil, err
			}
			return &ssh.Permissions{ExtraData: map[any]any{principalKey{}: p}}, nil
		},
	}
	config.AddHostKey(hostKey)
	if err := conn.SetDeadline(clock.Wall().Add(handshakeLimit)); err != nil {
		return nil, nil, nil, err
	}
	client, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return nil, nil, nil, err
	}
	return client, channels, requests, conn.SetDeadline(time.Time{})
}

// authenticate finds the user whose key has the id that the client gives as user name.
func (s *Server) authenticate(ctx context.Context, id string, key ssh.PublicKey) (aws.Principal, error) {
	if s.config.Identity == nil {
		return aws.Principal{}, errRefused
	}
	known, err := s.config.Identity.SSHKey(ctx, id)
	if err != nil {
		if !errors.Is(err, policy.ErrUnknownKey) {
			s.config.Log.ErrorContext(ctx, "SSH key not read", "error", err)
		}
		return aws.Principal{}, errRefused
	}
	if !bytes.Equal(known.Blob, key.Marshal()) {
		return aws.Principal{}, errRefused
	}
	return known.Principal, nil
}

// greeting is what AWS tells those who want a shell.
const greeting = "You have successfully authenticated over SSH. You can use Git to interact with AWS CodeCommit. Interactive shells are not supported.\r\n"

// session serves one session: settings, then one command.
func (s *Server) session(ctx context.Context, p aws.Principal, use *use, channel ssh.Channel, asked <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	run := Session{In: channel, Out: channel, Err: channel.Stderr()}
	for request := range asked {
		switch request.Type {
		case "env":
			var setting struct{ Name, Value string }
			known := ssh.Unmarshal(request.Payload, &setting) == nil && setting.Name == "GIT_PROTOCOL" && len(setting.Value) <= environmentLimit
			if known {
				run.GitProtocol = setting.Value
			}
			_ = request.Reply(known, nil)
		case "exec":
			var command struct{ Line string }
			if ssh.Unmarshal(request.Payload, &command) != nil || len(command.Line) > commandLimit || s.config.Serve == nil {
				_ = request.Reply(false, nil)
				return
			}
			_ = request.Reply(true, nil)
			go ssh.DiscardRequests(asked) // it ends with the channel
			run.Command = command.Line
			use.begin()
			defer use.end()
			end(channel, s.config.Serve(s.config.NewCall(ctx, p), &run))
			return
		case "shell":
			_ = request.Reply(true, nil)
			_, _ = io.WriteString(run.Err, greeting)
			end(channel, 1)
			return
		default:
			_ = request.Reply(false, nil)
		}
	}
}

// end tells a client the exit status of its command. A client that has gone need not know.
func end(channel ssh.Channel, status int) {
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}
