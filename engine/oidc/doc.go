// Package oidc fetches what an OpenID Connect issuer publishes: its discovery document, the keys in it, and the certificate
// that it answers with. It is where the cloud asks servers that its users name, so everything is bounded: the size of an
// answer, the time, the redirects, and above all where a connection may go. Link-local addresses, among them those of
// instance metadata, are refused at the moment of connecting, whatever name led there; loopback and private networks are
// allowed, since identity providers for tests live there.
//
// A server is trusted by the machine's certificate authorities or by the thumbprint (SHA-1) of a certificate in its chain.
// Plain HTTP is taken from hosts that are loopback or private by name only.
//
// The package checks no tokens (package jwt does) and remembers nothing.
package oidc
