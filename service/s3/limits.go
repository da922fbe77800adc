package s3

import "time"

// Limits, from "Amazon S3 multipart upload limits" and "Object metadata" of the S3 User Guide unless said otherwise.
const (
	maxKey         = 1024
	maxBody        = 5 << 30 // of one request: an object that is put or copied, or a part
	minPart        = 5 << 20
	maxParts       = 10000
	maxObject      = 50 << 40 // 5 TiB until 2025
	maxMetadata    = 2 << 10
	maxObjectTags  = 10
	maxBucketTags  = 50
	maxList        = 1000
	maxBucketsPage = 10000
	maxDeletes     = 1000
	maxPolicy      = 20 << 10
	maxRules       = 1000
	maxCORSRules   = 100
	// maxListeners is drydock's: so many are looked at for each change.
	maxListeners    = 100
	maxRoutingRules = 50
	maxNamed        = 1000 // inventory, analytics, metrics and tiering configurations, each
	maxNamedID      = 64
	namedPage       = 100
)

// maxInline is up to what size content is kept in a row: one transaction then writes all there is. Up to maxObjectInline,
// sealed, it is in the object's own row, where listings have to pass it.
const (
	maxInline       = 32 << 10
	maxObjectInline = 4 << 10
)

// zoneLetters name the availability zones of a region, of which each has at least three; they are as one account sees them.
const zoneLetters = "abc"

// zoneBatch is how many of the objects that were lost with a zone one step removes.
const zoneBatch = 100

// day is the unit of lifecycle rules.
const day = 24 * time.Hour

// garbagePause is how long the bytes of deleted objects wait for those who still read them.
const garbagePause = time.Minute
