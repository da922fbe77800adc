// Package jwt reads, checks and makes JSON Web Tokens signed with RSA or ECDSA (RFC 7515, 7517, 7518, 7519), and sets of
// the keys they are signed with.
//
// Symmetric algorithms and "none" do not exist here: every token is checked with the public key of its issuer, so a token
// cannot choose how it is checked beyond which of the issuer's keys was used. Nothing is fetched, and times in claims are
// left to the caller, who knows which clock counts. Encrypted tokens are refused.
package jwt
