package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"drydock/machine"
)

// reset deletes everything in the cloud and starts the services anew. The clock stays as it is.
func (c *Cloud) reset(w http.ResponseWriter, r *http.Request) {
	if err := c.Reset(r.Context()); err != nil {
		c.log.Error("reset", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]string{"status": "ok"})
}

// Reset deletes everything in the cloud: machines, rows, blobs and the services' folders. Requests and tasks that run
// meanwhile fail or act on the empty cloud.
func (c *Cloud) Reset(ctx context.Context) error {
	for _, m := range c.machines.List(nil) {
		if err := removeMachine(ctx, m); err != nil {
			return err
		}
	}
	if err := c.db.DropAll(ctx); err != nil {
		return err
	}
	if err := c.blobs.DropAll(ctx); err != nil {
		return err
	}
	for _, m := range c.Modules {
		if err := os.RemoveAll(filepath.Join(c.dir, m.API.Package)); err != nil {
			return fmt.Errorf("delete folder of %s: %w", m.API.Package, err)
		}
	}
	if err := c.saveClock(ctx); err != nil {
		return err
	}
	return c.Start(ctx)
}

func removeMachine(ctx context.Context, m *machine.Machine) error {
	if err := m.Remove(ctx); err != nil {
		return fmt.Errorf("remove machine: %w", err)
	}
	return nil
}
