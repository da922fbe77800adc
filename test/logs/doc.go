// Package logs tests CloudWatch Logs together with the services it works on: S3, where it exports to, and KMS, whose keys
// it encrypts under.
package logs
