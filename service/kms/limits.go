package kms

import "time"

// Quotas and defaults, as "Quotas" of the developer guide and the API reference list them.
const (
	// maxPolicyBytes bounds a key policy.
	maxPolicyBytes = 32 << 10
	// maxTags is how many tags a key has.
	maxTags = 50
	// maxGrants is how many grants a key has, maxAliases how many aliases.
	maxGrants  = 50_000
	maxAliases = 50
	// maxContextBytes bounds an encryption context.
	maxContextBytes = 8 << 10
	// minDeletionDays and maxDeletionDays bound how long a key waits for its deletion; maxDeletionDays is the default.
	minDeletionDays = 7
	maxDeletionDays = 30
	// defaultRotationDays is how often a key rotates that names no period.
	defaultRotationDays = 365
	// rotationNotice is how long before an automatic rotation a key no longer rotates on demand.
	rotationNotice = 20 * time.Minute
	// maxOnDemandRotations is how often a key rotates on demand.
	maxOnDemandRotations = 25
	// importTime is how long the parameters of an import are valid, maxImportDays how far the expiry of imported material
	// may lie ahead.
	importTime    = 24 * time.Hour
	maxImportDays = 365
	// grantWindow is how many grants of a caller on a key are looked at for a request.
	grantWindow = 1000
)

// Requests per second of an account in a region: the shared quotas on cryptographic operations. That with symmetric keys
// varies with the region.
const (
	symmetricRate        = 10_000
	largeSymmetricRate   = 20_000
	largestSymmetricRate = 100_000
	asymmetricRate       = 1000
	// maxMeters is drydock's: for how many accounts, regions and kinds of key requests are counted at once.
	maxMeters = 10_000
)

// day is the unit of KMS's periods.
const day = 24 * time.Hour
