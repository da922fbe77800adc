// Package identity tests IAM and STS with each other: who may assume which role, and what the session may do then. Neither
// service may import the other, so this cannot be tested beside one of them.
package identity
