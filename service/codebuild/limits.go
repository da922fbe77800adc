package codebuild

import "time"

// Quotas and defaults, as "Quotas for AWS CodeBuild" and the API reference list them. The generated API checks the
// lower bounds of time-outs and those of names.
const (
	// maxConcurrentBuilds is how many builds of an account run at once in a region.
	maxConcurrentBuilds = 60
	// maxQueuedBuilds is how many builds of an account may wait or run in a region.
	maxQueuedBuilds = 5 * maxConcurrentBuilds
	// maxProjects is how many projects an account has in a region.
	maxProjects = 5000
	// maxFilterGroups is how many filter groups a webhook has, maxPayload how large a delivery is: GitHub's own limit.
	maxFilterGroups = 30
	maxPayload      = 25 << 20
	// maxBadgeBuilds is how many builds are looked at for the latest of a badge's branch.
	maxBadgeBuilds = 1000
	// maxFleets is how many fleets an account has in a region.
	maxFleets = 10
	// maxTimeout is the longest time-out of a build in minutes: eight hours, the quota that requirement CB-06 is made
	// for. AWS has since raised it to 2160, which the model allows.
	maxTimeout = 480
	// minTimeout is the shortest time-out in minutes.
	minTimeout = 5
	// maxAutoRetries is how often a build may be tried again by itself.
	maxAutoRetries = 10
	// defaultTimeout and defaultQueuedTimeout are in minutes.
	defaultTimeout       = 60
	defaultQueuedTimeout = 480
	// pageSize is how many names or ids a list answers at once.
	pageSize = 100
	// tokenLife is how long an idempotency token is remembered.
	tokenLife = 5 * time.Minute
	// sessionSeconds is how long the service role's credentials last before they are renewed.
	sessionSeconds = 3600
)

// Quotas of reports.
const (
	// maxReportGroups is how many report groups an account has in a region.
	maxReportGroups = 5000
	// maxTestCases is how many cases of a report are kept, maxTestMessage how much of a case's message.
	maxTestCases   = 500
	maxTestMessage = 5000
	// maxTestText bounds names and paths, and maxCoverageFiles the files of a coverage report, for which AWS names no quota.
	maxTestText      = 1024
	maxCoverageFiles = 1000
	// reportLife is how long a report is there.
	reportLife = 30 * 24 * time.Hour
	// reportsPerStep is how many reports of a group that is deleted go in one transaction.
	reportsPerStep = 20
)

// Bounds of what a build may make this process read or hold.
const (
	// maxBuildspec is the size of a build specification file.
	maxBuildspec = 1 << 20
	// maxSourceBytes and maxSourceFiles bound an unpacked S3 source or cache.
	maxSourceBytes = 20 << 30
	maxSourceFiles = 500_000
	// maxCacheKey is how long the key of a cache may be; it becomes part of an object's key.
	maxCacheKey = 512
	// maxExportedValue is how much of an exported variable is kept.
	maxExportedValue = 10 << 10
)

// memoryOf and cpusOf are what a compute type gives to a build, by "Build environment compute modes and types".
var (
	memoryOf = map[string]int64{
		"BUILD_GENERAL1_SMALL": 4 << 30, "BUILD_GENERAL1_MEDIUM": 8 << 30, "BUILD_GENERAL1_LARGE": 16 << 30,
		"BUILD_GENERAL1_XLARGE": 72 << 30, "BUILD_GENERAL1_2XLARGE": 144 << 30,
		"BUILD_LAMBDA_1GB": 1 << 30, "BUILD_LAMBDA_2GB": 2 << 30, "BUILD_LAMBDA_4GB": 4 << 30, "BUILD_LAMBDA_8GB": 8 << 30,
		"BUILD_LAMBDA_10GB": 10 << 30,
	}
	cpusOf = map[string]float64{
		"BUILD_GENERAL1_SMALL": 2, "BUILD_GENERAL1_MEDIUM": 4, "BUILD_GENERAL1_LARGE": 8, "BUILD_GENERAL1_XLARGE": 36,
		"BUILD_GENERAL1_2XLARGE": 72,
	}
)
