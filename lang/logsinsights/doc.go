// Package logsinsights reads and evaluates CloudWatch Logs Insights queries (Logs Insights QL): commands joined by pipes
// that take fields out of log events, filter, aggregate, sort and limit them. It is pure: the caller brings the events and
// stores the result.
//
// Parse checks and compiles a query; Query.Needs tells which fields of events it reads, and Query.Requirements what an
// event must contain to be found, so that a caller with an index can skip what the query cannot want. Start begins an
// execution that takes events one by one, in any order, in memory that is bounded. Discover takes the fields out of a
// message that AWS discovers by itself: of JSON, Lambda, VPC flow and Route 53 logs.
//
// It follows "CloudWatch Logs Insights language query syntax" of AWS's guide. What the guide leaves open is decided so:
//   - Values are text; where both sides of a comparison are numbers they compare as numbers. A missing field is equal to
//     nothing, so that != and the "not" forms hold for it.
//   - Numbers that are computed are shown with at most four decimals, booleans as 1 and 0.
//   - Without a sort, events come latest first, and groups of stats in the ascending order of what they are grouped by.
//   - pct is the nearest rank, count_distinct exact, stddev that of a population.
//   - Regular expressions are RE2: what it lacks, such as looking ahead, makes a query malformed.
//   - Weeks of bin, datefloor and dateceil begin on Monday. Any number of stats commands is taken.
//
// pattern, diff, anomaly, join, lookup, filterIndex and other commands that need more than the events are refused as
// unsupported, not as malformed.
package logsinsights
