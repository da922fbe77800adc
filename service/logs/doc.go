// Package logs is Amazon CloudWatch Logs: log groups with retention, log streams and their events, search by filter
// patterns, and live tail.
//
// Invariants: a group's streams and events carry the group's unique id, so that a group created anew under an old name
// starts empty; events of a deleted or expired part are unreachable at once and their rows go later, by task.
//
// It follows the "Amazon CloudWatch Logs API Reference" (2014-03-28) and the user guide's "CloudWatch Logs quotas".
package logs
