// Package codebuild is AWS CodeBuild: projects, and builds that really run in throw-away machines, phase by phase, from
// source to artifacts, with their logs in CloudWatch Logs and S3.
//
// # How a build runs
//
// A build is a record. Submitting it, freeing a place and starting the cloud each admit the builds that may begin, oldest
// first, within the host's capacity (its CPUs, at least two), the account's quota and the project's limit; the others are
// seen waiting in QUEUED. One long task then drives the build: it makes a machine, goes through the phases and records
// the beginning and the end of each. A second task, due on the cloud's clock, ends it when its time is up. StopBuild and
// the time-out end the record first and the machine at once after; the build keeps its place until the machine is gone.
// A machine dies with the process that made it, so a build that ran when the process died ends as FAULT ("Build container
// found dead") at the next start, and builds that waited go on.
//
// Everything a build does in the cloud (logs, source, artifacts, cache) is done as its service role, which CodeBuild
// assumes through STS; the role's policies decide. Commands get its credentials by AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and the cloud's address by AWS_ENDPOINT_URL. AWS uses the container
// credentials endpoint instead, which renews them: here those in the environment end an hour after the build's start.
//
// Invariants: nothing of a build is left on the host after its end; what its commands wrote is read only through an
// os.Root, artifacts and caches only after the machine was stopped; output is held in bounded memory, and who writes
// faster than it can be delivered waits.
//
// # Environments
//
// The curated images (aws/codebuild/standard, amazonlinux2 and so on, for containers, Lambda and EC2) all stand for the
// host image: the host's own programs under fresh files. So their names choose nothing, and runtime-versions choose among
// what the host has, one version of each; anything else fails the build in DOWNLOAD_SOURCE with what there is. Images of
// one's own, Windows, macOS, and the processor that the host has not, fail in PROVISIONING. The compute type bounds
// memory and CPUs as far as the machine driver can. privilegedMode gives nothing more: there is no Docker daemon.
//
// The default encryption key, alias/aws/s3, means S3's own encryption; any other is asked of S3 as a KMS key.
//
// # What is not there
//
// Refused with 501 NotImplemented, or not bound: webhooks, source credentials, batch builds, reports, fleets, sandboxes,
// debug sessions, automatic retries, badges, public projects, resource policies, vpcConfig, fileSystemLocations,
// registry credentials, certificates, bucketOwnerAccess, reportBuildStatus, and connections as source authentication.
// Repositories elsewhere are fetched without credentials unless their URL has some. Builds of projects with source type
// CODEPIPELINE start from a pipeline only. A build fails in DOWNLOAD_SOURCE where its build specification has reports,
// on-failure: RETRY or fallback-keys of a cache, or where variables come from Parameter Store or
// Secrets Manager, which this cloud does not have yet. LOCAL_SOURCE_CACHE and LOCAL_DOCKER_LAYER_CACHE, which at AWS make
// builds faster, do nothing. Metrics, events and triggers wait for CloudWatch and EventBridge.
//
// It follows the "AWS CodeBuild API Reference" (2016-10-06) and the user guide's "Build specification reference",
// "Environment variables in build environments", "Build phase transitions", "Quotas" and "Troubleshooting"; wordings of
// phase contexts and log lines are those of published build logs.
package codebuild
