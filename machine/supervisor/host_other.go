//go:build unix && !linux

package supervisor

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// keepDescriptors keeps what this process inherited, from first on, from being inherited by its commands.
func keepDescriptors(first int) {
	for fd := first; fd < 1024; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// waiting is not known here: what the command wrote is then delivered until its streams fall silent.
func waiting(*os.File) int64 { return 0 }

// killTree kills a process with all of its descendants.
func killTree(top int) {
	for _, pid := range tree(top) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// killChildren kills all descendants of this process. What was left to the system's first process before is not found:
// there is no subreaper here.
func killChildren() {
	for _, pid := range tree(os.Getpid())[1:] {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func tree(top int) []int {
	list := []int{top}
	table, err := exec.Command("/bin/ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return list
	}
	children := map[int][]int{}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		pid, pidErr := strconv.Atoi(fields[0])
		parent, parentErr := strconv.Atoi(fields[1])
		if pidErr == nil && parentErr == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}
