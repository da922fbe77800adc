// Package machine runs user code: a build environment, an instance, a function's sandbox. A machine is a root file
// system, processes, limits and an address; what really provides them is a Driver:
//
//   - machine/namespace: Linux namespaces and control groups, rootless or as root. The default.
//   - machine/process: plain processes in a folder, for hosts without namespaces. It isolates nothing and says so in its
//     Capabilities.
//
// Host is the front. It owns one directory with a folder per machine (its files and what a later process needs to clean
// up), keeps two processes from sharing it, and leaves everything that differs between drivers to the driver.
//
// A machine ends in one of three ways, and in each nothing of it survives but the files of a Persistent one: Stop kills
// its whole process tree; so does the end of the process that made it, even by SIGKILL, because the machine's first
// process watches its parent; and Host.Clean, called once at start, frees what that sudden end left (folders, control
// groups).
//
// The package must not know what a build, an instance or a function is, and must not reach into a machine's files but
// through os.Root: they are written by code that nobody vouches for.
package machine
