package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"drydock/app/execstream"
)

// exitStatus ends drydock with the status of a command that it ran, which has said itself what was wrong.
type exitStatus int

// interrupted is the status of a command that SIGINT ended, as shells report it.
const interrupted = 130

// Error names the status.
func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// execCommand runs a command in a machine.
type execCommand struct {
	target
	Terminal bool     `short:"t" help:"Give the command a terminal: this one."`
	Target   string   `arg:"" help:"The machine: the id, ARN or session target of a build that is debugged."`
	Command  []string `arg:"" passthrough:"" help:"The command and its arguments."`
}

// Run runs the command and ends as it does.
func (c *execCommand) Run(ctx context.Context) error {
	args := c.Command
	if args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("no command given: drydock exec TARGET -- COMMAND")
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := execstream.Request{Args: args}
	streams := execstream.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if c.Terminal {
		size, sizes, restore, err := takeTerminal(ctx)
		if err != nil {
			return fmt.Errorf("take over the terminal: %w", err)
		}
		defer restore()
		request.Terminal, request.Env, streams.Sizes = &size, []string{"TERM=" + os.Getenv("TERM")}, sizes
	}
	exit, err := execstream.Run(ctx, conn, request, streams)
	switch {
	case ctx.Err() != nil: // a signal, mostly that of Control-C
		return exitStatus(interrupted)
	case err != nil:
		return err
	case exit.Error != "":
		fmt.Fprintln(os.Stderr, "drydock:", exit.Error)
		return exitStatus(exit.Code)
	case exit.Code != 0:
		return exitStatus(exit.Code)
	}
	return nil
}

// connect asks the cloud for a connection to the machine.
func (c *execCommand) connect(ctx context.Context) (io.ReadWriteCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/_drydock/exec/"+url.PathEscape(c.Target), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", execstream.Protocol)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	resp, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, Protocols: protocols}}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("no drydock answers at %s (start one with `drydock up`): %w", c.Endpoint, err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if conn, ok := resp.Body.(io.ReadWriteCloser); ok {
			return conn, nil
		}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	return nil, errors.New(strings.TrimSpace(string(answer)))
}
