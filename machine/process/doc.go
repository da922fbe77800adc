// Package process is the machine driver for hosts without namespaces: a machine is a folder and a tree of plain processes
// of the host's user. Nothing isolates it from the host: its commands see and may change all that the user may, and no
// limit is enforced; Capabilities says so. What holds is the machine's life: its tree dies with Stop and with the process
// that made it. Paths of commands and files are below the folder, see machine.Machine.Path.
package process
