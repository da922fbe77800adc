// Package machinetest is the suite that every machine driver passes. A driver's tests call Main from TestMain, after the
// driver's own, and Run from one test. What a driver's Capabilities promise is tested, and what they do not promise must
// be reported by the machines; so no test is skipped for a host that cannot do everything.
package machinetest
