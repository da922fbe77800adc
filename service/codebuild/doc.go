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
// Everything a build does in the cloud (logs, source, reports, artifacts, cache) is done as its service role, which
// CodeBuild assumes through STS; the role's policies decide. Commands find its credentials by
// AWS_CONTAINER_CREDENTIALS_FULL_URI, from where AWS's clients renew them, and the cloud's address by AWS_ENDPOINT_URL.
// Clients ask a host over plain HTTP only where it is a loopback address; where drydock is reached by another, commands
// get AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN instead, which end an hour after the build's start.
//
// # Batches, retries, reports
//
// A batch is a record with members and no machine of its own. Its first member, DOWNLOAD_SOURCE, is a build that fetches
// the source, finds the build specification, and ends; a short task then takes the batch on each time a build of it has
// ended, and starts those whose dependencies have passed. The ids of a batch's builds follow from the batch, the member
// and the attempt, so that a step that is done again starts none twice. The builds have the version that DOWNLOAD_SOURCE
// found. Each member's artifacts go to a folder named by its identifier below the artifacts' path; combineArtifacts
// copies them to the path itself at the end: the files of all members to one folder, packages to folders by member.
//
// A build that fails and may be tried again, by autoRetryLimit or by on-failure: RETRY, is submitted anew in the
// transaction that ends it.
//
// Reports are read in UPLOAD_ARTIFACTS, also after a failed build phase, and written complete, so GENERATING is not seen.
// They have the formats of package testreport. The first 500 cases or 1000 source files are kept; the summary counts all.
// A file that cannot be read makes its report INCOMPLETE, and no file at all fails the phase as well. Raw results are
// exported below a folder named by the report's id, or packed under it.
//
// # Data plane
//
// Below /_codebuild/ are served, without signatures, and found by tokens that nobody guesses: deliveries of webhooks,
// badges, the latest builds of public projects (as JSON; AWS has a page), and the credentials of the builds that run.
//
// A webhook is never made known to the source provider, as AWS does: CreateWebhook wants manualCreation, for every kind of
// provider, and whoever calls it enters payload URL and secret there. Deliveries of GitHub (Enterprise), Bitbucket Cloud
// and GitLab are understood; each proves that it knows the secret in its provider's way. What a payload does not tell,
// such as the files of a pull request, passes no filter; AWS asks the provider. Patterns are Go's regular expressions.
// A badge's branch is that of a build's source version or webhook; a build without either counts for main and master.
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
// The default encryption key, alias/aws/s3, means S3's own encryption.
// A KMS key of one's own as encryption key is asked of S3 for artifacts, caches and logs, and that of a report group for
// its raw results, all as the service role, which needs kms:GenerateDataKey. Where it is refused, the build fails in
// UPLOAD_ARTIFACTS, or in FINALIZING where the log is what S3 does not take.
//
// Fleets are records that bound how many of their builds run at once: baseCapacity, or maxCapacity where they scale, for
// which drydock need not wait. Their builds run on the host like all others; a fleet is ACTIVE at once.
//
// Tokens of source credentials are sent to github.com, bitbucket.org and gitlab.com over TLS only; those for GitHub
// Enterprise and GitLab that is managed by oneself go to wherever the project's source is.
//
// Resource policies are set by the owner and decide at once; AWS has the other account accept an invitation of RAM.
// Others see projects, builds, batches, report groups and reports by their ARNs, as the policy allows. ListSharedProjects
// and ListSharedReportGroups list what names the caller's account.
//
// # Debug sessions
//
// The last folder of a build's PATH has codebuild-breakpoint and codebuild-resume. Where the build's debug session is
// enabled, the one waits in the machine, as a process of the build, until the other is run in the same machine; StopBuild,
// the time-out and the end of the process end the build as they end any that runs. In other builds both do nothing and
// say so. sessionTarget is there from the end of DOWNLOAD_SOURCE on, which is when CodeBuild's logs say that it
// configures Session Manager's agent, and stays. Session Manager is not there yet, and no agent runs: `drydock exec` with
// the target, or the build's id or ARN, runs commands in the machine, with the environment of the build's commands and in
// the folder of its source. They die with the machine.
//
// The service role needs the four permissions of ssmmessages that the agent needs. They are asked for each time somebody
// enters. A role without them fails no build, which waits at its breakpoints as any other; nobody can enter it, and its
// log says so, where AWS leaves that to the agent's.
//
// Builds of a batch have a session where debug-session or debugSessionEnabled of StartBuildBatch says so, except the
// first one, DOWNLOAD_SOURCE, which runs no commands. A matrix has none, by AWS's documentation: with debugSessionEnabled
// it fails in DOWNLOAD_BATCHSPEC. A build that is tried again has a session if the first one had.
//
// # What is not there
//
// Refused with 501 NotImplemented, or not bound: sandboxes; source credentials by CODECONNECTIONS and SECRETS_MANAGER;
// webhooks that AWS makes at the provider, of type RUNNER_BUILDKITE_BUILD, for WORKFLOW_JOB_QUEUED, or with comment
// approval; vpcConfig (of fleets too), fileSystemLocations, registry credentials, certificates, docker servers, proxies
// and images of fleets, computeConfiguration of projects, bucketOwnerAccess, reportBuildStatus, and connections as
// source authentication. Builds of projects with source type CODEPIPELINE start from a pipeline only. A build fails in
// DOWNLOAD_SOURCE where variables come from Parameter Store or Secrets Manager, which this cloud does not have yet; a
// batch fails in DOWNLOAD_BATCHSPEC where it is a build-fanout. LOCAL_SOURCE_CACHE and LOCAL_DOCKER_LAYER_CACHE, which
// at AWS make builds faster, do nothing; neither does batchReportMode, as nothing is reported to the provider. Metrics,
// events and triggers wait for CloudWatch and EventBridge.
//
// It follows the "AWS CodeBuild API Reference" (2016-10-06) and the user guide's "Build specification reference",
// "Batch build buildspec reference", "Test reports", "Webhook events", "Environment variables in build environments",
// "Build phase transitions", "Debug builds with Session Manager", "Quotas" and "Troubleshooting"; wordings of
// phase contexts and log lines are those of published build logs.
package codebuild
