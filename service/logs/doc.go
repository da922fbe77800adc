// Package logs is Amazon CloudWatch Logs: log groups with retention, tags, encryption and protection from deletion, log
// streams and their events, search by filter patterns, live tail, Logs Insights queries (query*.go), metric and subscription
// filters, export to S3, data protection, transformers, and the registry of deliveries.
//
// Invariants: groups and streams have ids, by which events and streams refer to them, so that one created anew under an
// old name starts empty; filters and policies of a group go with it at once. What is deleted or expired is out of reach at
// once; its rows go by task (tasks.go), at a cost that grows with what goes. A request of PutLogEvents writes nothing but
// its events (batch.go) and what the group's filters make of them (ingest.go), and reads no row that another one writes:
// writers never wait for each other. A group without filters pays nothing for those of others. Events are in the order of
// their time, those of the same time in the order in which they came; an event's id is its place in that order. Live tail
// sessions live in the process: they see what this process takes in, and end with it. The data keys of encrypted groups
// are in memory for five minutes at most (datakey.go).
//
// What leaves for other services goes through the bus, in the transaction that takes the events in, and what they send
// comes by it:
//   - Metric filters make the input of CloudWatch's PutMetricData, a datum for each minute and set of dimensions, addressed
//     to arn:PARTITION:cloudwatch:REGION:ACCOUNT:metric-data. While no service takes that, they make nothing. A default
//     value goes out with each request of PutLogEvents in which nothing matches, where AWS has one for each minute.
//   - Subscriptions deliver to Lambda, Kinesis and Firehose. A filter with a direct destination is refused while there is
//     no such service; whether the function or stream exists is not looked at. A destination (PutDestination) is kept
//     without its stream being looked for; events for a stream of a service that is not there go nowhere.
//   - What services send to a log group's ARN becomes an event, if a resource policy lets them (targets.go).
//   - Audit findings of data protection policies go to a log group, to a stream named after the audited group, or to S3.
//
// Queries read batches, and blocks where a group has been queried before (queryblock.go): a background task makes them of
// events older than ten minutes, by column and with a filter of words, so that a query reads the columns it needs of the
// blocks in which it can find something. Batches stay what counts; PutLogEvents only notes a batch that comes late into a
// block's time.
//
// What differs from AWS, or is not honoured:
//   - Imports, S3 tables, integrations, bearer tokens, log objects and cross-account observability are not there: their
//     operations answer NotImplemented, and groups of other accounts are not found.
//   - forceUpdate of PutDestinationPolicy changes nothing: a new policy never takes subscriptions away.
//   - Filters have no fieldSelectionCriteria. Account policies of the type METRIC_EXTRACTION_POLICY are refused.
//   - Of the managed data identifiers there are EmailAddress, IpAddress, CreditCardNumber, AwsSecretKey, Ssn-US,
//     PhoneNumber-US and private keys; a policy that names another is refused. Findings do not go to Firehose.
//   - Transformers lack parseWAF and parseToOCSF, and are refused with one. What they make of events is not stored: filters
//     with applyOnTransformedLogs see it as events come, queries do not. The fields of a transformed event are in the
//     order of names.
//   - Anomaly detectors are kept and do not look at events: they stay INITIALIZING, and ListAnomalies is empty.
//   - Deliveries and their ends are kept; no service delivers logs by them yet. A delivery source's resource is not looked
//     for, and sources are of the services in deliverytemplate.go only; record fields are checked for CloudFront's alone.
//   - Lookup tables, as field index policies, are kept and not used by queries. Lookup tables cannot be encrypted.
//   - Queries are in Logs Insights QL, as lang/logsinsights has it; those in SQL or PPL are refused, and saved definitions
//     of them kept. A query that runs gives no partial results. Scheduled queries, field indexes and data sources are not
//     there. Queries look at masked events; unmask shows fields of events as they came, to callers that may unmask all
//     groups of the query. Metric and subscription filters and the patterns of searches look at masked events, too. The times of a query are in seconds or, as on AWS, in milliseconds. A query whose result needs
//     more than 256 MiB fails. The results of queries cannot be encrypted.
//   - An export leaves the caller's own permission to write to the bucket to the bucket's policy, which has to let
//     logs.REGION.amazonaws.com in. The region of the bucket is not looked at.
//   - PutLogEvents takes entity and does not keep it; interleaved changes nothing, as on AWS events are always interleaved.
//     An old sequenceToken is not looked at, as on AWS since 2023.
//   - storedBytes of groups counts messages without overhead and is up to date; after a crash up to a megabyte may be
//     missing (usage.go). lastIngestionTime of a stream is that of its latest events, which came last unless older ones
//     were added behind.
//   - A group of the class DELIVERY keeps events for a day, and like INFREQUENT_ACCESS is neither searched nor tailed.
//   - The order by LastEventTime is up to date, where AWS's follows within an hour.
//   - Live tail sends events as they come, at most 500 with each update, and an empty update after a second without any. A
//     session masks by the data protection policies that were in force when it began.
//   - Resource policies count for AWS services, which need one to write, and for other accounts; not for callers of the
//     account itself.
//
// It follows the "Amazon CloudWatch Logs API Reference" (2014-03-28), and of the user guide "CloudWatch Logs quotas", "Log
// classes", "Filter pattern syntax", "Subscriptions", "Data protection", "Transform logs during ingestion", "Exporting log
// data to Amazon S3" and "Encrypt log data". The wording of errors is what clients report of AWS where that is known.
package logs
