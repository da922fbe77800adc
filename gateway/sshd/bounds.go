package sshd

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"drydock/clock"
)

// unknown counts the connections whose clients have not said who they are. The zero value counts none.
type unknown struct {
	mu    sync.Mutex // guards the fields below
	total int
	from  map[netip.Prefix]int
}

// enter counts one more, unless there are too many.
func (u *unknown) enter(origin netip.Prefix) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.total >= unknownLimit || u.from[origin] >= originLimit {
		return false
	}
	if u.from == nil {
		u.from = map[netip.Prefix]int{}
	}
	u.total++
	u.from[origin]++
	return true
}

// leave counts one less.
func (u *unknown) leave(origin netip.Prefix) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total--
	if u.from[origin]--; u.from[origin] == 0 {
		delete(u.from, origin)
	}
}

// network is the part of an IPv6 address that a client does not choose.
const network = 64

// originOf is what connections from one place have in common.
func originOf(remote net.Addr) netip.Prefix {
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = network
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// use ends a connection on which no command has run for idleLimit: its next read is then too late.
type use struct {
	conn net.Conn

	mu      sync.Mutex // guards the fields below
	running int
}

// idle gives the client until idleLimit has passed.
func (u *use) idle() error { return u.conn.SetReadDeadline(clock.Wall().Add(idleLimit)) }

// begin tells that a command runs. A connection that cannot be told has ended.
func (u *use) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running++; u.running == 1 {
		_ = u.conn.SetReadDeadline(time.Time{})
	}
}

// end tells that it runs no more.
func (u *use) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running--; u.running == 0 {
		_ = u.idle()
	}
}
