package logs

// Quotas and defaults, as "CloudWatch Logs quotas" lists them.
const (
	// maxLogGroups is how many groups an account has in a region.
	maxLogGroups = 1_000_000
	// defaultDescribeLimit and maxDescribeLimit bound a page of groups, streams or filters.
	defaultDescribeLimit = 50
	maxDescribeLimit     = 50
)

// retentionDays are the periods that PutRetentionPolicy accepts.
var retentionDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
