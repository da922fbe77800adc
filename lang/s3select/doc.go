// Package s3select reads and evaluates the SQL of S3 Select: one SELECT over the records of a CSV or JSON text, with
// WHERE, LIMIT, aggregates, CASE, CAST, LIKE, BETWEEN, IN and the functions of "SQL reference for Amazon S3 Select" of
// the S3 User Guide. It is pure and streams: Parse compiles a query, a Reader brings records one by one, an Execution
// takes them and a Writer writes what it selects, each in memory that a record bounds.
//
// What the reference leaves open is decided so:
//   - All fields of CSV are text. Where text meets a number in a comparison, in arithmetic or in an aggregate, it counts as
//     a number if it is one.
//   - A comparison of what cannot be compared is neither true nor false, as one with NULL or MISSING.
//   - Decimals are computed in double precision; what is only passed on keeps its digits.
//   - Names that stand without quotes match without regard to case where no name matches exactly.
package s3select
