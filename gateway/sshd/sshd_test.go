package sshd_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"drydock/aws"
	"drydock/gateway/sshd"
	"drydock/policy"
)

// keys knows the users by the ids of their keys.
type keys map[string]policy.SSHKey

func (k keys) SSHKey(_ context.Context, id string) (policy.SSHKey, error) {
	key, ok := k[id]
	if !ok {
		return key, policy.ErrUnknownKey
	}
	return key, nil
}

// front is a running server with one user, whose key has the id APKA1, and one command that echoes its input.
type front struct {
	*sshd.Server
	address string
	key     ssh.Signer
	served  chan error
}

func newFront(t *testing.T) *front {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{served: make(chan error, 1)}
	if f.key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	f.Server = sshd.New(sshd.Config{
		Identity: keys{"APKA1": {Blob: f.key.PublicKey().Marshal(), Principal: aws.Principal{Name: "ann"}}},
		NewCall:  func(ctx context.Context, p aws.Principal) *aws.Call { return &aws.Call{Context: ctx, Principal: p} },
		Serve: func(call *aws.Call, s *sshd.Session) int {
			_, _ = io.WriteString(s.Out, call.Principal.Name+" "+s.Command+" "+s.GitProtocol+" ")
			_, _ = io.Copy(s.Out, s.In)
			_, _ = io.WriteString(s.Err, "done")
			return 7
		},
		Log: slog.New(slog.DiscardHandler),
	})
	host, err := sshd.HostKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	go func() { f.served <- f.Serve(listener, host) }()
	t.Cleanup(func() {
		f.Close()
		if err := <-f.served; err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *front) dial(user string, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", f.address, &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
}

func TestServer_RunsCommandsOfKnownUsers(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	client, err := f.dial("APKA1", ssh.PublicKeys(f.key))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for range 12 { // more than may be open at a time
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Setenv("GIT_PROTOCOL", "version=2"); err != nil {
			t.Error(err)
		}
		if err := session.Setenv("LD_PRELOAD", "x"); err == nil {
			t.Error("any variable is taken")
		}
		var stderr bytes.Buffer
		session.Stdin, session.Stderr = strings.NewReader("input"), &stderr
		out, err := session.Output("git-upload-pack '/v1/repos/app'")
		status, ok := err.(*ssh.ExitError) //nolint:errorlint // as the package documents it
		if !ok || status.ExitStatus() != 7 || string(out) != "ann git-upload-pack '/v1/repos/app' version=2 input" || stderr.String() != "done" {
			t.Fatalf("%q %q %v", out, stderr.String(), err)
		}
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("a terminal was granted")
	}
	if err := session.Run(strings.Repeat("x", 5000)); err == nil {
		t.Error("an endless command was taken")
	}
	if _, _, err := client.OpenChannel("direct-tcpip", nil); err == nil {
		t.Error("a port was forwarded")
	}
}

func TestServer_RefusesStrangers(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		user string
		auth ssh.AuthMethod
	}{
		"user name":   {"ann", ssh.PublicKeys(f.key)},
		"another key": {"APKA1", ssh.PublicKeys(other)},
		"password":    {"APKA1", ssh.Password("x")},
	} {
		if client, err := f.dial(test.user, test.auth); err == nil {
			t.Errorf("%s was admitted", name)
			_ = client.Close()
		}
	}
}

func TestServer_CloseEndsCommands(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	client, err := f.dial("APKA1", ssh.PublicKeys(f.key))
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe() // never closed: the command waits for more
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("wait"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "x"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := session.Wait(); err == nil {
		t.Error("the command ended well")
	}
}

func TestHostKey_IsTheSameForASecret(t *testing.T) {
	t.Parallel()
	public := func(secret []byte) []byte {
		key, err := sshd.HostKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		return key.PublicKey().Marshal()
	}
	one, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if !bytes.Equal(public(one), public(one)) {
		t.Error("the key changed")
	}
	if bytes.Equal(public(one), public(other)) {
		t.Error("two clouds have the same key")
	}
	if _, err := sshd.HostKey(one[:31]); err == nil {
		t.Error("a secret that is too short was taken")
	}
}
