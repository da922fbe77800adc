// Package aws is the vocabulary every other package shares: operations and the calls that invoke them, principals,
// errors, ARNs, tags and page tokens. It imports nothing of drydock's, holds no state and knows no service.
package aws
