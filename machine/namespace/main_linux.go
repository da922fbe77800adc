package namespace

import (
	"encoding/json"
	"os"
	"sync/atomic"
	"syscall"

	"drydock/machine/supervisor"
)

// name is how the binary knows that it was started as a machine's first process.
const name = "drydock-machine-init"

var hooked atomic.Bool // Main was called: without it, starting a machine would start the whole program again

// Main must be called first thing in main, and in TestMain of every package whose tests make machines. In a process
// that was started as a machine's first one it is all that runs and does not return; otherwise it returns at once.
func Main() {
	if os.Args[0] != name {
		hooked.Store(true)
		return
	}
	supervisor.Serve(func(config json.RawMessage) (supervisor.Options, error) {
		var p plan
		if err := json.Unmarshal(config, &p); err != nil {
			return supervisor.Options{}, err
		}
		return supervisor.Options{OneUser: p.OneUser, Attr: syscall.SysProcAttr{}}, p.carryOut()
	})
}
