// Package execstream carries one command in a machine over one connection, between `drydock exec` and the cloud: what is
// typed, what the command writes, and how it ends. Serve is the cloud's side, Run the command line's.
//
// The connection is an HTTP/1.1 one that was upgraded to Protocol. Both sides then send frames: a byte that tells the
// kind, the length of the rest in four bytes, big-endian, and the rest. The first is the client's Request. Input is sent
// a piece at a time, each when the one before was taken, so that the cloud always sees what else the client sends: a
// client that goes away ends its command.
//
// The package must not know what machines are for, or who may enter them.
package execstream
