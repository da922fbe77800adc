// Package tlsca lets one port speak TLS and plain HTTP, and has the local certificate authority behind the TLS side.
//
// The authority is made when it is first needed and kept in the data directory. Its certificate is limited to names
// that stand for this machine, for private addresses and for AWS's endpoints, so that a user who trusts it does not
// trust it with the rest of the web. The package knows nothing of the requests it carries.
package tlsca
