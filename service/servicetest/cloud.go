// Package servicetest gives each test a cloud of its own: in memory, with a stopped clock, the services under test, and
// the real gateway in front. Only tests import it.
package servicetest

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"drydock/aws"
	"drydock/blob"
	"drydock/blob/disk"
	blobmem "drydock/blob/mem"
	"drydock/blob/seal"
	"drydock/clock"
	"drydock/gateway"
	"drydock/machine"
	"drydock/service"
	"drydock/service/assembly"
	"drydock/store"
	"drydock/store/mem"
	"drydock/store/pebble"
	"drydock/task"
)

// Account and Region are those of Call; Start is when the clock stands at first.
const (
	Account = "111122223333"
	Region  = "us-east-1"
)

// Start is when the clock stands at first.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Cloud is an AWS for one test.
type Cloud struct {
	DB      *store.DB
	Clock   *clock.Clock
	Tasks   *task.Runner
	Blobs   *blob.Store
	Gateway *gateway.Gateway
	Modules []service.Module

	server *httptest.Server
	url    string
}

// Option changes how the cloud is made.
type Option func(*service.Deps)

// WithMachines lets the cloud run machines on a host.
func WithMachines(h *machine.Host) Option { return func(d *service.Deps) { d.Machines = h } }

// WithLog shows what the services log.
func WithLog(log *slog.Logger) Option { return func(d *service.Deps) { d.Log = log } }

// New returns a running cloud of the given services. Every transaction is made to conflict once, so that one that does
// more than its transaction fails at once.
func New(t testing.TB, modules func(service.Deps) []service.Module, options ...Option) *Cloud {
	t.Helper()
	return start(t, &Cloud{
		DB: store.Open(mem.New(), store.WithForcedConflicts()), Clock: clock.NewStopped(Start), Blobs: blob.New(blobmem.New()),
	}, modules, options)
}

// NewOnDisk returns a cloud as it runs for users, for benchmarks: on disk, each commit synced, with a running clock.
func NewOnDisk(t testing.TB, modules func(service.Deps) []service.Module, options ...Option) *Cloud {
	t.Helper()
	dir := t.TempDir()
	driver, err := pebble.Open(dir+"/store", pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := disk.Open(dir + "/blobs")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, &Cloud{DB: store.Open(driver), Clock: clock.New(), Blobs: blob.New(blobs)}, modules, options)
}

// start assembles and starts a cloud on what c has.
func start(t testing.TB, c *Cloud, modules func(service.Deps) []service.Module, options []Option) *Cloud {
	t.Helper()
	deps := service.Deps{
		DB: c.DB, Blobs: c.Blobs, Clock: c.Clock, Log: slog.New(slog.DiscardHandler), Random: rand.Reader, Dir: t.TempDir(),
		Endpoint: func() string { return c.url }, DefaultAccount: Account, DefaultRegion: Region,
	}
	for _, o := range options {
		o(&deps)
	}
	keys, err := seal.NewRootKey(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	deps.Keys = keys
	a, err := assembly.New(deps, false, modules)
	if err != nil {
		t.Fatal(err)
	}
	c.Tasks, c.Gateway, c.Modules = a.Tasks, a.Gateway, a.Modules
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.server != nil {
			c.server.Close()
		}
		for _, m := range c.Modules {
			if m.Stop == nil {
				continue
			}
			if err := m.Stop(t.Context()); err != nil {
				t.Errorf("stop %s: %v", m.API.Package, err)
			}
		}
		if err := c.DB.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return c
}

// Call returns a call by the root user of Account in Region.
func (c *Cloud) Call(t testing.TB) *aws.Call { return c.CallIn(t, Account, Region) }

// CallIn returns a call by the root user of an account in a region.
func (c *Cloud) CallIn(t testing.TB, account, region string) *aws.Call {
	t.Helper()
	return c.CallAs(t, aws.Root(aws.PartitionOf(region), account), region)
}

// CallAs returns a call by p in a region.
func (c *Cloud) CallAs(t testing.TB, p aws.Principal, region string) *aws.Call {
	t.Helper()
	return &aws.Call{
		Context: t.Context(), Cloud: c.Gateway, Partition: aws.PartitionOf(region), Account: p.Account, Region: region,
		Principal: p, RequestID: aws.NewUUID(rand.Reader),
	}
}

// Advance moves the clock and lets everything due happen.
func (c *Cloud) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	if err := c.Tasks.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// WaitIdle lets everything due now happen, long steps too.
func (c *Cloud) WaitIdle(t testing.TB) {
	t.Helper()
	if err := c.Tasks.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// URL starts an HTTP server in front of the cloud, once, and returns its address.
func (c *Cloud) URL(t testing.TB) string {
	t.Helper()
	if c.server == nil {
		c.server = httptest.NewServer(c.Gateway)
		c.url = c.server.URL
	}
	return c.url
}

// WantError fails the test unless err carries the AWS error code.
func WantError(t testing.TB, err error, code string) {
	t.Helper()
	if got := aws.ErrorCode(err); got != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}
