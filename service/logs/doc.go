// Package logs is Amazon CloudWatch Logs: log groups with retention, tags and protection from deletion, log streams and
// their events, search by filter patterns, live tail, and Logs Insights queries (query*.go).
//
// Invariants: groups and streams have ids, by which everything inside refers to them, so that one created anew under an
// old name starts empty. What is deleted or expired is out of reach at once; its rows go by task (tasks.go), at a cost
// that grows with what goes. A request of PutLogEvents writes nothing but its events (batch.go) and reads no row that
// another one writes: writers never wait for each other. Events are in the order of their time, those of the same time in
// the order in which they came; an event's id is its place in that order. Live tail sessions live in the process: they
// see what this process takes in, and end with it.
//
// Queries read batches, and blocks where a group has been queried before (queryblock.go): a background task makes them of
// events older than ten minutes, by column and with a filter of words, so that a query reads the columns it needs of the
// blocks in which it can find something. Batches stay what counts; PutLogEvents only notes a batch that comes late into a
// block's time.
//
// What differs from AWS, or is not honoured:
//   - KMS keys of groups are refused. Data protection, field indexes, transformers, anomaly detection,
//     metric and subscription filters, export and cross-account observability are not there: their operations answer
//     NotImplemented, and groups of other accounts are not found.
//   - PutLogEvents takes entity and does not keep it; unmask and interleaved change nothing, as nothing is masked and, as on
//     AWS, events are always interleaved. An old sequenceToken is not looked at, as on AWS since 2023.
//   - storedBytes of groups is 0: it is not counted. lastIngestionTime of a stream is that of its latest events, which came
//     last unless older ones were added behind.
//   - A group of the class DELIVERY keeps events for a day, and like INFREQUENT_ACCESS is neither searched nor tailed.
//   - Queries are in Logs Insights QL, as lang/logsinsights has it; those in SQL or PPL are refused, and saved definitions
//     of them kept. A query that runs gives no partial results. Scheduled queries, lookup tables, field indexes and data
//     sources are not there. As nothing is masked, unmask changes nothing and asks for no permission. The times of a
//     query are in seconds or, as on AWS, in milliseconds. A query whose result needs more than 256 MiB fails.
//   - The order by LastEventTime is up to date, where AWS's follows within an hour.
//   - Live tail sends events as they come, at most 500 with each update, and an empty update after a second without any.
//
// It follows the "Amazon CloudWatch Logs API Reference" (2014-03-28), and of the user guide "CloudWatch Logs quotas", "Log
// classes" and "Filter pattern syntax". The wording of errors is what clients report of AWS where that is known.
package logs
