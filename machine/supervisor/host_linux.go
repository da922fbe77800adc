package supervisor

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"drydock/clock"

	"golang.org/x/sys/unix"
)

// self names the running program, even after its file was replaced.
func self() (string, error) { return "/proc/self/exe", nil }

// keepDescriptors keeps what this process inherited, from first on, from being inherited by its commands: drydock may
// have been started with descriptors of its host that are nobody's business in a machine.
func keepDescriptors(first int) {
	if unix.CloseRange(uint(first), 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) != nil { // a kernel before 5.11
		for fd := first; fd < 1024; fd++ {
			syscall.CloseOnExec(fd)
		}
	}
}

// waiting is the number of bytes in a pipe.
func waiting(pipe *os.File) int64 {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	if err := conn.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		return 0
	}
	return int64(n)
}

// killTree kills a process with all of its descendants. They are stopped first, again and again until no new one shows
// up, because they may fork while one looks.
func killTree(top int) {
	stopped := map[int]bool{}
	for more := true; more; {
		more = false
		for _, pid := range tree(top) {
			if !stopped[pid] {
				stopped[pid], more = true, true
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
		}
	}
	for pid := range stopped {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// killChildren kills all descendants of this process, which is their subreaper, and returns when they are gone. The
// bound is for what cannot be killed.
func killChildren() {
	for range 1000 {
		found := false
		for _, pid := range tree(os.Getpid())[1:] {
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
		if !found {
			return
		}
		_ = clock.Pause(context.Background(), time.Millisecond)
	}
}

// tree lists a process and its living descendants, parents before children.
func tree(top int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{top}
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (name) state ppid ...; the name may hold anything, also ')'.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	list := []int{top}
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}
