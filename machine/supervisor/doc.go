// Package supervisor is the first process of a machine, and the host's connection to it. The drydock binary starts
// itself again under another name; Serve is what runs there: it starts the commands that the host asks for, reaps what
// dies, and ends with its whole tree as soon as the host's end of the connection is gone, which is also what happens
// when the host's process is killed. Start, Client and Process are the host's side.
//
// The two sides speak over a socket that the supervisor inherits and that nothing else in the machine can reach. After
// one exchange of JSON lines (configuration, readiness) each command is one byte on it, together with four file
// descriptors: the command's own socket and its standard streams. On the command's socket go JSON lines again: the
// request and signals to the machine, the start and the exit to the host. So commands share nothing, output is never
// framed, and a host that closes a command's socket ends that command.
//
// The package knows nothing of namespaces; the namespace driver's setup is a function given to Serve.
package supervisor
