// Package sensitivedata finds data in texts that ought not to be read by everyone, such as card numbers: the managed data
// identifiers of AWS's data protection policies, as far as they are here, and custom ones. It follows "Types of data that
// you can protect" of the CloudWatch Logs user guide. Where that says no more than which keywords stand near, the choice
// made stands beside the code.
//
// Identifiers are immutable and used by many goroutines. Every expression is RE2's, so that finding is linear in the text.
package sensitivedata
