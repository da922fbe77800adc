// Package s3select reads and evaluates the SQL of S3 Select: one SELECT over the records of a CSV or JSON text, or of a
// Parquet file, with WHERE, LIMIT, aggregates, CASE, CAST, LIKE, BETWEEN, IN and the functions of "SQL reference for Amazon
// S3 Select" of the S3 User Guide. It is pure and streams: Parse compiles a query, an Input brings records one by one, an
// Execution takes them and an Output writes what it selects, each in memory that a record bounds; a Parquet file's pages
// are bounded by lang/parquet.
//
// What the reference leaves open is decided so:
//   - All fields of CSV are text. Where text meets a number in a comparison, in arithmetic or in an aggregate, it counts as
//     a number if it is one.
//   - A comparison of what cannot be compared is neither true nor false, as one with NULL or MISSING.
//   - Decimals are computed in double precision; what is only passed on keeps its digits.
//   - JSON has null for floating-point numbers that are not finite.
//   - Names that stand without quotes match without regard to case where no name matches exactly.
//   - A Parquet file's columns are read as its schema says: DATE and TIMESTAMP are timestamps in UTC, TIME is text, DECIMAL
//     is a decimal. INT96 is refused, as the reference says. A column that the schema lacks is
//     EvaluatorBindingDoesNotExist; a path that ends within one is MISSING. A list or a structure in CSV is JSON in a field,
//     where S3 has such output for JSON alone; and ZSTD is read beside the codecs that S3 names.
//
// NewSpan bounds a text to a scan range: the records that begin within it. Of Parquet those are the row groups that do, as
// "Scan range requests" has it, which begin with the first page of theirs.
package s3select
