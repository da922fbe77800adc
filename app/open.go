package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"drydock/blob"
	"drydock/blob/disk"
	blobmem "drydock/blob/mem"
	"drydock/blob/seal"
	"drydock/machine"
	"drydock/machine/namespace"
	"drydock/machine/process"
	"drydock/store"
	"drydock/store/mem"
	"drydock/store/pebble"
)

// openStorage opens the store and the blobs.
func (c *Cloud) openStorage() (err error) {
	if c.config.Ephemeral {
		if c.dir, err = os.MkdirTemp("", "drydock-"); err != nil {
			return fmt.Errorf("temporary folder: %w", err)
		}
		c.db, c.blobs = store.Open(mem.New()), blob.New(blobmem.New())
	} else {
		if err := c.openDisk(); err != nil {
			return err
		}
	}
	if c.keys, err = seal.LoadOrCreateRootKey(c.dir); err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	return nil
}

// openDisk opens the data directory.
func (c *Cloud) openDisk() error {
	c.dir = c.config.Data
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	driver, err := pebble.Open(filepath.Join(c.dir, "store"), pebble.Options{Logger: c.log})
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	c.db = store.Open(driver)
	blobs, err := disk.Open(filepath.Join(c.dir, "blobs"))
	if err != nil {
		return fmt.Errorf("open blobs: %w", err)
	}
	c.blobs = blob.New(blobs)
	c.blobs.TrackCommits() // for startSweep
	return nil
}

// openMachines makes the host of machines and removes what an earlier process left. Where the best driver does not work
// on this machine, the next one is taken and the log says so.
func (c *Cloud) openMachines(ctx context.Context, driver func() (machine.Driver, error)) error {
	best, err := driver()
	if err != nil {
		return err
	}
	c.machines, err = machine.Open(filepath.Join(c.dir, "machines"), best, c.log)
	if err != nil {
		return err
	}
	return c.machines.Clean(ctx)
}

func (c *Cloud) machineDriver(ctx context.Context) (machine.Driver, error) {
	if c.config.Machine != "process" {
		driver, err := namespace.New(namespace.Options{})
		if err == nil {
			if err = namespace.Probe(ctx); err == nil {
				return driver, nil
			}
		}
		if c.config.Machine == "namespace" || !errors.Is(err, machine.ErrUnsupported) {
			return nil, err
		}
		c.log.Warn("machines are not isolated: namespaces do not work here, user code runs as plain processes", "error", err)
	}
	return process.New()
}
