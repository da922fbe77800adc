// Package app puts the cloud together: configuration, start order, shutdown. It is the only package that knows every
// other.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"drydock/blob"
	"drydock/blob/seal"
	"drydock/clock"
	"drydock/gateway"
	"drydock/gateway/sshd"
	"drydock/gateway/tlsca"
	"drydock/machine"
	"drydock/service"
	"drydock/service/all"
	"drydock/service/assembly"
	"drydock/store"
)

// Cloud is a running AWS.
type Cloud struct {
	*assembly.Assembly
	config    Config
	log       *slog.Logger
	dir       string // the data directory, or the temporary folder of an ephemeral cloud
	clock     *clock.Clock
	db        *store.DB
	blobs     *blob.Store
	keys      *seal.RootKey
	machines  *machine.Host
	authority *tlsca.CA
	handler   http.Handler
	names     []string // by which it may be controlled, besides ownDomains

	mu       sync.Mutex // guards the fields below
	endpoint string
	ssh      string // the address of SSH
}

// Open opens the data directory and prepares the cloud; it does not listen yet.
func Open(ctx context.Context, config Config, log *slog.Logger) (_ *Cloud, err error) {
	config, err = config.complete()
	if err != nil {
		return nil, err
	}
	c := &Cloud{config: config, log: log, clock: clock.New()}
	// To see whether a driver works, a machine is made with it, which takes as long as everything else here.
	driver := sync.OnceValues(func() (machine.Driver, error) { return c.machineDriver(ctx) })
	go func() { _, _ = driver() }() // openMachines gets what comes of it
	defer func() {
		if err != nil {
			_, _ = driver() // so that it leaves nothing behind
			err = errors.Join(err, c.close(ctx))
		}
	}()
	if err = c.openStorage(); err != nil {
		return nil, err
	}
	if err = c.restoreClock(ctx); err != nil {
		return nil, err
	}
	if err = c.openMachines(ctx, driver); err != nil {
		return nil, err
	}
	if err = c.assemble(); err != nil {
		return nil, err
	}
	return c, nil
}

// assemble makes the services and the gateway.
func (c *Cloud) assemble() (err error) {
	c.Assembly, err = assembly.New(service.Deps{
		DB: c.db, Blobs: c.blobs, Keys: c.keys, Clock: c.clock, Machines: c.machines, Log: c.log, Random: rand.Reader, Dir: c.dir,
		Endpoint: c.Endpoint, DefaultAccount: c.config.Account, DefaultRegion: c.config.Region, Quotas: c.config.Quotas,
	}, c.config.Strict, all.Modules)
	if err != nil {
		return err
	}
	c.Tasks.OnMove(c.saveClockAt)
	c.authority = tlsca.NewCA(c.dir)
	c.names = namesOf(c.config.Listen)
	c.handler = c.control(c.Assembly.Gateway)
	return nil
}

// Serve listens, starts the services, calls ready and serves until ctx ends. It closes the cloud before it returns.
func (c *Cloud) Serve(ctx context.Context, ready func()) (err error) {
	defer func() { err = errors.Join(err, c.close(context.WithoutCancel(ctx))) }()
	listener, err := gateway.Listen(c.config.Listen)
	if err != nil {
		return err
	}
	c.setEndpoint(listener.Addr())
	if err := c.Assembly.Start(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := c.startSweep(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	tasks := make(chan error, 1)
	go func() { tasks <- c.Tasks.Run(running) }()

	server := gateway.NewServer(c.handler, c.log)
	served := make(chan error, 2)
	go func() { served <- tlsca.Serve(server, listener, c.authority) }()
	if err := c.serveSSH(served); err != nil {
		served <- err
	}
	ready()
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	c.SSH.Close()
	if stopErr := gateway.Stop(server); stopErr != nil {
		c.log.Warn("requests were cut off", "error", stopErr)
	}
	stop()
	if tasksErr := <-tasks; tasksErr != nil && !errors.Is(tasksErr, context.Canceled) {
		err = errors.Join(err, tasksErr)
	}
	return err
}

// serveSSH listens for SSH clients, if the configuration says so. What ends it before it is told to goes to served.
func (c *Cloud) serveSSH(served chan<- error) error {
	if c.config.SSHListen == "" {
		return nil
	}
	key, err := sshd.HostKey(c.keys.Derive("ssh host key"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.config.SSHListen)
	if err != nil {
		return fmt.Errorf("listen for SSH: %w", err)
	}
	c.mu.Lock()
	c.ssh = listener.Addr().String()
	c.mu.Unlock()
	go func() {
		if err := c.SSH.Serve(listener, key); err != nil {
			served <- err
		}
	}()
	return nil
}

// SSHAddress is the host and port of SSH once the cloud serves it, else empty.
func (c *Cloud) SSHAddress() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ssh
}

// Endpoint is the URL of the cloud once it serves, empty before.
func (c *Cloud) Endpoint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoint
}

func (c *Cloud) setEndpoint(a net.Addr) {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endpoint = "http://" + net.JoinHostPort(host, port)
}

// Config is the configuration with its defaults.
func (c *Cloud) Config() Config { return c.config }

// DataDescription tells where the data are kept.
func (c *Cloud) DataDescription() string {
	if c.config.Ephemeral {
		return "in memory"
	}
	return c.dir
}

// ClockDescription tells what the clock does.
func (c *Cloud) ClockDescription() string {
	s := c.clock.State()
	if s.Mode == clock.ModeReal && s.Offset < time.Second {
		return "real"
	}
	return string(s.Mode) + " at " + s.Now.Format(time.RFC3339)
}

// close releases everything, in the reverse order of Open.
func (c *Cloud) close(ctx context.Context) error {
	var errs []error
	if c.Assembly != nil {
		for _, m := range slices.Backward(c.Modules) {
			if m.Stop != nil {
				errs = append(errs, m.Stop(ctx))
			}
		}
	}
	if c.machines != nil {
		errs = append(errs, c.machines.Close(ctx))
	}
	if c.db != nil {
		if c.Assembly != nil {
			errs = append(errs, c.saveClock(ctx))
		}
		errs = append(errs, c.db.Close())
	}
	if c.config.Ephemeral && c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
