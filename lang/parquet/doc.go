// Package parquet reads Apache Parquet files: the columns that are asked for, row group by row group and page by page,
// record by record. It is pure: it reads through an io.ReaderAt and keeps nothing else. It writes nothing, and uses neither
// statistics, indexes nor bloom filters.
//
// A file is hostile until it was read: no length, count or level is believed before the bytes for it are there, nothing
// that a header claims is allocated in advance, and what a page, a dictionary, the pages held at a time, a row group and a
// record may take is bounded by the constants Max*. Damage comes out as an error, never as a panic.
//
// Read are all physical types; the encodings PLAIN, RLE, BIT_PACKED, PLAIN_DICTIONARY, RLE_DICTIONARY,
// DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY and BYTE_STREAM_SPLIT; data pages of version 1 and 2; the
// codecs UNCOMPRESSED, SNAPPY, GZIP and ZSTD. Others, INTERVAL, encrypted files, and columns kept in other files are
// errors. Values become:
//
//   - BOOLEAN a bool, integers an int64, those above its range a Decimal, FLOAT, DOUBLE and FLOAT16 a float64
//   - DECIMAL a Decimal, with all digits of its scale
//   - DATE, TIMESTAMP and INT96 a time.Time in UTC, also where they are of no zone; TIME a time.Duration since midnight
//   - UUID its usual text, other byte arrays a string of their bytes
//   - groups a *Group; LIST, and what is repeated without one, a List; MAP with keys of text a *Group, else a List of
//     groups of key and value
//   - what is not defined nil
//
// It follows "Parquet: Thrift definition", "Encodings", "Logical types" and "Nested encoding" of the Apache project.
package parquet
