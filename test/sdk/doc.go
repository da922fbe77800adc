// Package sdk drives the real drydock binary through AWS's SDKs, as programs use them: paginators, waiters, presigned
// requests, streams and typed errors, in Go (both versions of the SDK) and in Python (boto3).
package sdk
