package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// defaultEndpoint is where a cloud answers that was told nothing.
const defaultEndpoint = "http://localhost:4566"

// target is where the running cloud is; every command that talks to one embeds it.
type target struct {
	Endpoint string `default:"http://localhost:4566" env:"DRYDOCK_ENDPOINT" help:"URL of the running cloud."`
}

// do sends a request to drydock's own part of the URL space and returns the body.
func (t target) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(t.Endpoint, "/")+path, reader)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no drydock answers at %s (start one with `drydock up`): %w", t.Endpoint, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(answer)))
	}
	return answer, nil
}

// envCommand prints shell assignments.
type envCommand struct {
	target
	Account string `env:"DRYDOCK_ACCOUNT" default:"000000000000" help:"Account to act in, as its root user."`
	Region  string `env:"DRYDOCK_REGION" default:"us-east-1" help:"Region to act in."`
	Unset   bool   `help:"Print what takes the settings back."`
}

// settings are the variables that point AWS clients and git at the cloud, in the order in which they are printed.
func (c *envCommand) settings() [][2]string {
	return [][2]string{
		{"DRYDOCK_ENDPOINT", c.Endpoint},
		{"AWS_ENDPOINT_URL", c.Endpoint},
		{"AWS_ACCESS_KEY_ID", c.Account},
		{"AWS_SECRET_ACCESS_KEY", "drydock"},
		{"AWS_REGION", c.Region},
		{"AWS_DEFAULT_REGION", c.Region},
		{"AWS_PAGER", ""},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		// git asks the aws CLI for a signed password, as the CodeCommit setup for HTTPS has it.
		{"GIT_CONFIG_COUNT", "2"},
		{"GIT_CONFIG_KEY_0", "credential." + c.Endpoint + ".helper"},
		// The helper's no-op subcommands, store and erase, do not know the option and would complain.
		{"GIT_CONFIG_VALUE_0", "!f() { test \"$1\" != get || aws codecommit credential-helper --ignore-host-check get; }; f"},
		{"GIT_CONFIG_KEY_1", "credential." + c.Endpoint + ".UseHttpPath"},
		{"GIT_CONFIG_VALUE_1", "true"},
	}
}

// cleared are the variables that would override the settings.
var cleared = []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"}

// Run prints the assignments.
func (c *envCommand) Run() error {
	settings := c.settings()
	if c.Unset {
		var names []string
		for _, s := range settings {
			names = append(names, s[0])
		}
		_, err := fmt.Println("unset " + strings.Join(names, " "))
		return err
	}
	var script strings.Builder
	script.WriteString("unset " + strings.Join(cleared, " ") + "\n")
	for _, s := range settings {
		fmt.Fprintf(&script, "export %s=%s\n", s[0], shellQuote(s[1]))
	}
	_, err := os.Stdout.WriteString(script.String())
	return err
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// clockCommand groups the commands of the clock.
type clockCommand struct {
	Show    clockShow    `cmd:"" help:"Show the clock."`
	Stop    clockStop    `cmd:"" help:"Let the clock stand still."`
	Advance clockAdvance `cmd:"" help:"Wind the clock forward; everything due on the way happens."`
	Skip    clockSkip    `cmd:"" help:"Jump to the next due event whenever the cloud is idle."`
	Scale   clockScale   `cmd:"" help:"Let the clock run faster or slower."`
	Real    clockReal    `cmd:"" help:"Let the clock run as fast as real time."`
}

type clockShow struct{ target }
type clockStop struct{ target }
type clockSkip struct{ target }
type clockReal struct{ target }
type clockAdvance struct {
	target
	By string `arg:"" help:"How far: a duration such as 30m, 720h."`
}
type clockScale struct {
	target
	Factor float64 `arg:"" help:"How many times as fast."`
}

// clockState is what the cloud answers about its clock.
type clockState struct {
	Mode   string        `json:"mode"`
	Factor float64       `json:"factor"`
	Now    time.Time     `json:"now"`
	Offset time.Duration `json:"offset"`
}

func (t target) clock(ctx context.Context, request map[string]any) error {
	method, body := http.MethodGet, any(nil)
	if request != nil {
		method, body = http.MethodPost, request
	}
	answer, err := t.do(ctx, method, "/_drydock/clock", body)
	if err != nil {
		return err
	}
	var state clockState
	if err := json.Unmarshal(answer, &state); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	mode := state.Mode
	if state.Factor != 1 {
		mode = fmt.Sprintf("%s x%g", mode, state.Factor)
	}
	fmt.Printf("%s  %s  (%+v)\n", state.Now.Format(time.RFC3339), mode, state.Offset.Round(time.Millisecond))
	return nil
}

// Run shows the clock.
func (c *clockShow) Run(ctx context.Context) error { return c.clock(ctx, nil) }

// Run stops the clock.
func (c *clockStop) Run(ctx context.Context) error {
	return c.clock(ctx, map[string]any{"action": "stop"})
}

// Run lets the clock skip idle time.
func (c *clockSkip) Run(ctx context.Context) error {
	return c.clock(ctx, map[string]any{"action": "skip"})
}

// Run lets the clock run.
func (c *clockReal) Run(ctx context.Context) error {
	return c.clock(ctx, map[string]any{"action": "real"})
}

// Run advances the clock.
func (c *clockAdvance) Run(ctx context.Context) error {
	return c.clock(ctx, map[string]any{"action": "advance", "by": c.By})
}

// Run changes the clock's speed.
func (c *clockScale) Run(ctx context.Context) error {
	return c.clock(ctx, map[string]any{"action": "scale", "factor": c.Factor})
}

// explainCommand shows a decision.
type explainCommand struct {
	target
	Request string `arg:"" help:"Request id, from the response's headers or the error."`
}

// Run prints the explanation.
func (c *explainCommand) Run(ctx context.Context) error {
	answer, err := c.do(ctx, http.MethodGet, "/_drydock/explain/"+url.PathEscape(c.Request), nil)
	if err == nil {
		_, err = os.Stdout.Write(answer)
	}
	return err
}

// caCommand prints the certificate.
type caCommand struct{ target }

// Run prints the certificate.
func (c *caCommand) Run(ctx context.Context) error {
	answer, err := c.do(ctx, http.MethodGet, "/_drydock/ca", nil)
	if err == nil {
		_, err = os.Stdout.Write(answer)
	}
	return err
}

// resetCommand deletes everything.
type resetCommand struct{ target }

// Run deletes everything.
func (c *resetCommand) Run(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodPost, "/_drydock/reset", nil)
	return err
}
