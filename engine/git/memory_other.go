//go:build !linux

package git

// memoryFolder returns "": no file system is known to lie in memory.
func memoryFolder(string) string { return "" }

func freeSpace(string) int64 { return 0 }
