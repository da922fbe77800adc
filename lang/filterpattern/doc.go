// Package filterpattern reads CloudWatch Logs filter patterns and matches log messages against them: terms, as in
// `ERROR -"timed out"`; space-delimited fields, as in `[ip, ..., status = 4*, bytes > 100]`; and JSON, as in
// `{ $.code >= 500 && $.user IS NULL }`. It follows "Filter pattern syntax for metric filters, subscription filters, and
// filter log events" of AWS's guide; where the guide is silent the choice made stands beside the code.
//
// A Pattern is parsed once and then matched by many goroutines; matching is linear in the message and hardly allocates.
package filterpattern
