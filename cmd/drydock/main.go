// Command drydock is the AWS DevOps cloud in one binary: `drydock up` runs it, the other commands talk to a running one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"drydock/app"
	"drydock/clock"
	"drydock/machine/namespace"
	"drydock/machine/process"
)

// cli is the command line.
type cli struct {
	Up       upCommand       `cmd:"" help:"Run the cloud."`
	Env      envCommand      `cmd:"" help:"Print the environment that points AWS clients and git at the cloud: eval \"$(drydock env)\"."`
	Clock    clockCommand    `cmd:"" help:"Show and move the cloud's clock."`
	Explain  explainCommand  `cmd:"" help:"Show why a request was allowed or denied."`
	Exec     execCommand     `cmd:"" help:"Run a command in a machine that may be entered: drydock exec TARGET -- COMMAND..."`
	CA       caCommand       `cmd:"" name:"ca" help:"Print the certificate of the local certificate authority."`
	Coverage coverageCommand `cmd:"" help:"List the operations that are carried out."`
	Demo     demoCommand     `cmd:"" help:"Play a release against the running cloud, with the real aws and git commands."`
	Reset    resetCommand    `cmd:"" help:"Delete everything in the running cloud."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

func main() {
	// As a machine's first process the binary does nothing else.
	namespace.Main()
	process.Main()
	watch := clock.StartStopwatch()
	var c cli
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&c,
		kong.Name("drydock"), kong.Description("The AWS DevOps cloud in one binary."), kong.UsageOnError(),
		kong.DefaultEnvars("DRYDOCK"), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(watch))
	err := parsed.Run()
	if status, ok := errors.AsType[exitStatus](err); ok {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "drydock:", err)
		os.Exit(1)
	}
}

// gcPercent lets garbage grow to four times the size of what lives. What lives is a few megabytes, so by Go's own measure the
// collector would run many times a second under load.
const gcPercent = 400

// useProcessors lets one thread more run Go than there are processors. A thread that waits for the disk, in a sync or in a
// direct write, keeps the right to run until the runtime takes it away, which takes longer than most of these waits; where
// there are few processors, they would idle meanwhile.
func useProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}

// upCommand runs the cloud until it is told to stop.
type upCommand struct {
	Listen    string         `default:"127.0.0.1:4566" env:"DRYDOCK_LISTEN" help:"Address of the cloud's port."`
	SSHListen string         `env:"DRYDOCK_SSH_LISTEN" help:"Address for git over SSH (default: none)."`
	Data      string         `env:"DRYDOCK_DATA" help:"Data directory (default: drydock's folder in the XDG state home)." type:"path"`
	Ephemeral bool           `env:"DRYDOCK_EPHEMERAL" help:"Keep everything in memory."`
	Account   string         `default:"000000000000" env:"DRYDOCK_ACCOUNT" help:"Account of callers that name none."`
	Region    string         `default:"us-east-1" env:"DRYDOCK_REGION" help:"Region of callers that name none."`
	Strict    bool           `env:"DRYDOCK_STRICT" help:"Admit only access keys that this cloud issued."`
	Quota     map[string]int `env:"DRYDOCK_QUOTA" placeholder:"SERVICE/CODE=NUMBER;..." help:"Service quotas that differ from AWS's defaults, by their codes: kms/L-6E3AF000=10000 is how many cryptographic operations a second with symmetric keys KMS admits."`
	Machine   string         `env:"DRYDOCK_MACHINE" enum:"namespace,process," default:"" help:"Driver of machines (namespace or process; default: the best that works here)."`
	LogLevel  string         `env:"DRYDOCK_LOG_LEVEL" enum:"debug,info,warn,error" default:"warn" help:"debug, info (a line per request), warn or error."`
}

// Run starts the cloud and waits.
func (c *upCommand) Run(ctx context.Context, watch clock.Stopwatch) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return fmt.Errorf("log level: %w", err)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	useProcessors()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	cloud, err := app.Open(ctx, app.Config{
		Listen: c.Listen, SSHListen: c.SSHListen, Data: c.Data, Ephemeral: c.Ephemeral, Account: c.Account, Region: c.Region, Strict: c.Strict, Machine: c.Machine,
		Quotas: c.Quota,
	}, log)
	if err != nil {
		return err
	}
	ready := func() {
		fmt.Printf("drydock %s is up after %d ms\n", app.Version, watch.Elapsed().Milliseconds())
		fmt.Printf("  endpoint  %s\n", cloud.Endpoint())
		if address := cloud.SSHAddress(); address != "" {
			fmt.Printf("  ssh       %s\n", address)
		}
		fmt.Printf("  data      %s\n", cloud.DataDescription())
		fmt.Printf("  account   %s   region %s   clock %s\n", cloud.Config().Account, cloud.Config().Region, cloud.ClockDescription())
		fmt.Printf("\n  eval \"$(%s)\"\n\n", envCommandLine(cloud))
	}
	err = cloud.Serve(ctx, ready)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// envCommandLine is the command that prints the environment of this cloud's clients.
func envCommandLine(cloud *app.Cloud) string {
	line := self() + " env"
	if endpoint := cloud.Endpoint(); endpoint != defaultEndpoint {
		line += " --endpoint " + endpoint
	}
	if account := cloud.Config().Account; account != app.DefaultAccount {
		line += " --account " + account
	}
	if region := cloud.Config().Region; region != app.DefaultRegion {
		line += " --region " + region
	}
	return line
}

// self is how the user can call this binary again: by name when it is on the PATH, by `go run` when it was built for that.
func self() string {
	path := os.Args[0]
	if strings.Contains(path, "go-build") {
		return "go run ./cmd/drydock"
	}
	return path
}

// versionCommand prints the version.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("drydock", app.Version)
	return nil
}
