package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// folder is a directory whose entries are made durable, one sync for all that wait for it.
type folder struct {
	path string

	mu   sync.Mutex // guards the field below
	next *round     // the sync that has not begun yet; nil if none is wanted
	busy sync.Mutex // held while a sync runs
}

// round is a sync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// sync returns once everything that was done in the folder before is durable.
func (f *folder) sync() error {
	f.mu.Lock()
	r := f.next
	leader := r == nil
	if leader {
		r = &round{done: make(chan struct{})}
		f.next = r
	}
	f.mu.Unlock()
	if !leader {
		<-r.done
		return r.err
	}
	f.busy.Lock() // more may join until the sync before has ended
	defer f.busy.Unlock()
	f.mu.Lock()
	f.next = nil // whoever comes from here on has to wait for another
	f.mu.Unlock()
	r.err = syncDir(f.path)
	close(r.done)
	return r.err
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	return nil
}
