// Package build tests CodeBuild with the services that a build works with: source from CodeCommit, artifacts and caches in
// S3, the log in CloudWatch Logs, all as a role of IAM. None of them may import another, so this cannot be tested beside
// one of them.
package build
