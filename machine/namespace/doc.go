// Package namespace is the machine driver for Linux 5.14 and later: a machine has user, mount, pid, host name and IPC
// namespaces of its own, made by this binary starting itself again as the machine's first process. It needs no
// privilege. Without root the machine has a single user, its root, who is drydock's user on the host; as root the
// machine has the host's users, without their power over the host.
//
// The host image shows the host's programs (/usr with what belongs to it, what is in /opt, the folders of language tools
// in the home of drydock's user) read-only at their own places, under fresh writable files everywhere else: /etc with a
// copy of what programs need to run, accounts and certificates without keys; /home /opt /root /run /srv /tmp /var; a
// small /dev; a /proc of the machine alone whose settings are read-only. There is no /sys.
//
// Nothing is ever mounted in the host's own mount namespace, so nothing can be left mounted there. The kernel kills a
// machine's processes with its first one, which ends when its parent does. Limits are control groups, of version 2 where
// this process may make them and of version 1 otherwise; without root, a missing pids controller is made up for by
// RLIMIT_NPROC, which counts per user namespace. Memory is not limited by RLIMIT_AS: Go and Java reserve far more address
// space than they use.
//
// What a machine's root may do is cut to what ordinary programs need (see keptCapabilities), and no program gains
// privileges when it is started. Left out: a system call filter (a machine can make user namespaces of its own, which
// gain it nothing here), subordinate users without root (newuidmap), images other than the host's, and a private network:
// on the host's, abstract sockets and whatever listens on loopback are within reach.
package namespace
