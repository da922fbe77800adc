package logs

import "time"

// Quotas and defaults, as "CloudWatch Logs quotas" and the API reference list them.
const (
	// defaultDescribeLimit bounds a page of groups or streams that asks for no limit.
	defaultDescribeLimit = 50
	// maxTags is how many tags a group has.
	maxTags = 50
	// deliveryRetentionDays is how long groups of the class DELIVERY keep events.
	deliveryRetentionDays = 1
	// maxBatchBytes bounds a request of PutLogEvents, where each event counts for eventOverheadBytes more than its
	// message.
	maxBatchBytes      = 1_048_576
	eventOverheadBytes = 26
	// maxBatchSpan is how far apart the events of a request may be, maxEventAge and maxEventLead how far from now.
	maxBatchSpan = 24 * time.Hour
	maxEventAge  = 14 * 24 * time.Hour
	maxEventLead = 2 * time.Hour
	// maxPageEvents and maxPageBytes bound a page of events.
	maxPageEvents = 10_000
	maxPageBytes  = 1 << 20
	// maxScanEvents and maxScanBytes bound what a request of FilterLogEvents looks at; the next page goes on from there.
	maxScanEvents = 200_000
	maxScanBytes  = 32 << 20
	// maxStreamScans is how many streams FilterLogEvents reads each on its own; with more it reads the group's events and
	// leaves out those of other streams.
	maxStreamScans = 100
	// maxTailEvents bounds an update of a live tail; maxTailTime is how long a session lasts.
	maxTailEvents = 500
	maxTailTime   = 3 * time.Hour
	// maxMetricFilters and maxSubscriptionFilters bound the filters of a group, maxRegexFilters those of them with regular
	// expressions, maxDimensions the dimensions of a metric.
	maxMetricFilters       = 100
	maxSubscriptionFilters = 2
	maxRegexFilters        = 5
	maxDimensions          = 3
	// maxResourcePolicies is how many an account has in a region. A policy of the account and of a destination has at most
	// maxPolicyBytes, one of a group maxGroupPolicyBytes.
	maxResourcePolicies = 10
	maxPolicyBytes      = 5120
	maxGroupPolicyBytes = 51_200
	// maxProtectionBytes bounds a data protection policy, maxCustomIdentifiers what it defines itself, each of at most
	// maxCustomIdentifierBytes.
	maxProtectionBytes       = 30_720
	maxCustomIdentifiers     = 10
	maxCustomIdentifierBytes = 200
	// maxIndexFields bounds a field index policy, maxIndexFieldBytes the name of a field.
	maxIndexFields     = 20
	maxIndexFieldBytes = 100
	// maxProcessors bounds a transformer, maxParsers those of its processors that parse, maxFieldBytes what a processor may
	// make of one field.
	maxProcessors = 20
	maxParsers    = 5
	maxFieldBytes = 256 << 10
	// defaultVisibilityDays is how long an anomaly is shown unless its detector says otherwise.
	defaultVisibilityDays = 21
)

// retentionDays are the periods that PutRetentionPolicy accepts.
var retentionDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
