// Package policy is IAM's policy language: it parses policy documents strictly, matches their statements against a
// request, decides as AWS's policy evaluation logic does, and explains the decision. It knows no store: the caller
// gathers the policies that apply and hands them over parsed. A Document is immutable and safe for concurrent use.
//
// It follows the IAM User Guide: "IAM JSON policy element reference", "Grammar of the IAM JSON policy language",
// "Policy evaluation logic" and "AWS global condition context keys".
package policy
