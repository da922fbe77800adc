"""Makes the Parquet files of this folder with pyarrow, and beside each a .jsonl with the records as they went in."""

import datetime as dt
import decimal
import json
import os
import struct
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

HERE = os.path.dirname(os.path.abspath(__file__))
N = 50


def plain(v):
    """Says a value as the test says what it reads."""
    if isinstance(v, dt.datetime):
        return v.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"
    if isinstance(v, dt.date):
        return v.isoformat() + "T00:00:00Z"
    if isinstance(v, dt.time):
        return (v.hour * 3600 + v.minute * 60 + v.second) * 10**6 + v.microsecond
    if isinstance(v, decimal.Decimal):
        return format(v, "f")
    if isinstance(v, uuid.UUID):
        return str(v)
    if isinstance(v, bytes):
        return v.decode("latin-1")
    if isinstance(v, list):
        if v and isinstance(v[0], tuple):
            if isinstance(v[0][0], str):
                return {k: plain(e) for k, e in v}
            return [{"key": plain(k), "value": plain(e)} for k, e in v]
        return [plain(e) for e in v]
    if isinstance(v, dict):
        return {k: plain(e) for k, e in v.items()}
    if isinstance(v, int) and v >= 2**63:
        return str(v)
    return v


def write(name, table, **options):
    pq.write_table(table, os.path.join(HERE, name + ".parquet"), **options)
    with open(os.path.join(HERE, name + ".jsonl"), "w") as f:
        for row in table.to_pylist():
            f.write(json.dumps({k: plain(v) for k, v in row.items()}, separators=(",", ":"), ensure_ascii=False) + "\n")


def nullable(make, every=7):
    return [None if i % every == 3 else make(i) for i in range(N)]


flat = pa.table({
    "id": pa.array(range(N), pa.int64()),
    "flag": pa.array(nullable(lambda i: i % 3 == 0), pa.bool_()),
    "i8": pa.array(nullable(lambda i: i - 25), pa.int8()),
    "i16": pa.array(nullable(lambda i: -i * 300), pa.int16()),
    "i32": pa.array(nullable(lambda i: i * 40_000_000 - 10**9), pa.int32()),
    "i64": pa.array(nullable(lambda i: (-1) ** i * 10**17 * i), pa.int64()),
    "u8": pa.array(nullable(lambda i: 200 + i), pa.uint8()),
    "u32": pa.array(nullable(lambda i: 2**32 - 1 - i), pa.uint32()),
    "f32": pa.array(nullable(lambda i: i / 4), pa.float32()),
    "f64": pa.array(nullable(lambda i: i / 10), pa.float64()),
    "name": pa.array(nullable(lambda i: f"näme {i % 4}"), pa.string()),
    "code": pa.array(nullable(lambda i: f"prefix-{i * 7919:08d}"), pa.string()),
    "fix": pa.array(nullable(lambda i: struct.pack(">I", i)[1:]), pa.binary(3)),
    "d9": pa.array(nullable(lambda i: decimal.Decimal(i - 20) / 100), pa.decimal128(9, 2)),
    "d38": pa.array(nullable(lambda i: decimal.Decimal(10**30 * (i - 20)) / 1000), pa.decimal128(38, 3)),
    "day": pa.array(nullable(lambda i: dt.date(1960, 2, 28) + dt.timedelta(days=i * 500)), pa.date32()),
    "ms": pa.array(nullable(lambda i: dt.datetime(2024, 2, 29, 1, 2, 3, 4000) + dt.timedelta(hours=i)), pa.timestamp("ms")),
    "us": pa.array(nullable(lambda i: dt.datetime(1969, 12, 31, 23, 59, 59, 123456) + dt.timedelta(days=i)), pa.timestamp("us", "UTC")),
    "t32": pa.array(nullable(lambda i: dt.time(i % 24, i, 5, 6000)), pa.time32("ms")),
    "t64": pa.array(nullable(lambda i: dt.time(i % 24, i, 5, 6)), pa.time64("us")),
    "none": pa.nulls(N),
})
small = flat.select(["id", "flag", "i32", "f64", "name", "code", "d9", "us"])

write("flat", flat, compression="none", use_dictionary=False)
write("snappy", small, compression="snappy", row_group_size=20)
write("gzip", small, compression="gzip", data_page_version="2.0")
write("zstd", small, compression="zstd", data_page_version="2.0", write_page_checksum=True)
write("pages", small, compression="none", data_page_size=64, write_batch_size=8, write_page_checksum=True)
write("pages2", small, compression="snappy", data_page_size=64, write_batch_size=8, data_page_version="2.0", row_group_size=30)
write("delta", flat.select(["id", "flag", "i32", "i64", "f32", "f64", "name", "code", "fix"]), compression="none", use_dictionary=False,
      data_page_version="2.0", column_encoding={
          "id": "DELTA_BINARY_PACKED", "flag": "RLE", "i32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED", "f32": "BYTE_STREAM_SPLIT",
          "f64": "BYTE_STREAM_SPLIT", "name": "DELTA_LENGTH_BYTE_ARRAY", "code": "DELTA_BYTE_ARRAY", "fix": "DELTA_BYTE_ARRAY"})
write("deltalong", pa.table({"a": pa.array([i * i % 1009 for i in range(1000)], pa.int64()), "b": pa.array([i // 3 for i in range(1000)], pa.int32())}),
      compression="none", use_dictionary=False, column_encoding={"a": "DELTA_BINARY_PACKED", "b": "DELTA_BINARY_PACKED"})
write("int96", flat.select(["id", "us"]), compression="snappy", use_deprecated_int96_timestamps=True)
write("more", pa.table({
    "u64": pa.array(nullable(lambda i: 2**64 - 1 - i if i % 2 else i), pa.uint64()),
    "ns": pa.array(nullable(lambda i: dt.datetime(2001, 2, 3, 4, 5, 6, 7)), pa.timestamp("ns")),
    "id": pa.array(nullable(lambda i: uuid.UUID(int=2**120 + i).bytes), pa.uuid()),
}), compression="snappy")
write("brotli", flat.select(["id"]), compression="brotli")
write("empty", small.slice(0, 0))

point = pa.struct([("x", pa.int32()), ("y", pa.int32())])
nested = pa.table({
    "id": pa.array(range(12), pa.int64()),
    "tags": pa.array([None if i % 5 == 4 else [None if j == 2 else f"t{j}" for j in range(i % 4)] for i in range(12)], pa.list_(pa.string())),
    "at": pa.array([None if i % 4 == 1 else {"x": i, "y": None if i % 3 == 0 else -i} for i in range(12)], point),
    "path": pa.array([[{"x": i, "y": j} for j in range(i % 3)] for i in range(12)], pa.list_(point)),
    "grid": pa.array([[[i * 10 + j * 3 + k for k in range(j)] for j in range(i % 4)] if i % 6 else None for i in range(12)], pa.list_(pa.list_(pa.int32()))),
    "attrs": pa.array([[(f"k{j}", None if j == 1 else i + j) for j in range(i % 3 + 1)] if i % 5 else None for i in range(12)], pa.map_(pa.string(), pa.int64())),
    "deep": pa.array([{"in": {"list": [{"s": str(j)} for j in range(i % 3)]}} for i in range(12)],
                     pa.struct([("in", pa.struct([("list", pa.list_(pa.struct([("s", pa.string())])))]))])),
})
write("nested", nested, compression="snappy")
write("nested2", nested, compression="zstd", data_page_version="2.0", row_group_size=5, data_page_size=32, write_batch_size=2)
