//go:build !linux

package git

// memory stands for a memory file system, of which none is known.
type memory struct{}

func (*memory) folder() string { return "" }
func (*memory) close() error   { return nil }

func sweepMemory() {}

func freeSpace(string) int64 { return 0 }
