"""Walks every paginator and every waiter of S3, and what object owners do: access control lists, object lock, archives, keys of KMS."""

import datetime
import io
import os
import threading
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
from boto3.s3.transfer import TransferConfig

config = botocore.config.Config(retries={"max_attempts": 2, "mode": "standard"}, s3={"addressing_style": "path"})
s3 = boto3.client("s3", config=config)
kms = boto3.client("kms", config=config)
other = boto3.client("s3", config=config, aws_access_key_id="444455556666", aws_secret_access_key="x")


def refused(code, call, *args, **kwargs):
    """The call must fail with the code; its response is returned."""
    try:
        call(*args, **kwargs)
    except botocore.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        return e.response
    raise AssertionError(f"{call} was not refused")


def pages(operation, members, size, **kwargs):
    """All elements of an operation's pages, which must be more than one."""
    found, count = [], 0
    for page in s3.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **kwargs):
        count += 1
        got = [e for m in members for e in page.get(m, [])]
        assert len(got) <= size, (operation, len(got))
        found += got
    assert count > 1, (operation, count)
    return found


# Waiters: what is waited for happens meanwhile.
waiter = {"Delay": 1, "MaxAttempts": 20}
refused("404", s3.head_bucket, Bucket="walk")
threading.Timer(0.5, s3.create_bucket, kwargs={"Bucket": "walk"}).start()
s3.get_waiter("bucket_exists").wait(Bucket="walk", WaiterConfig=waiter)
threading.Timer(0.5, s3.put_object, kwargs={"Bucket": "walk", "Key": "late", "Body": b"x"}).start()
s3.get_waiter("object_exists").wait(Bucket="walk", Key="late", WaiterConfig=waiter)
threading.Timer(0.5, s3.delete_object, kwargs={"Bucket": "walk", "Key": "late"}).start()
s3.get_waiter("object_not_exists").wait(Bucket="walk", Key="late", WaiterConfig=waiter)
threading.Timer(0.5, s3.delete_bucket, kwargs={"Bucket": "walk"}).start()
s3.get_waiter("bucket_not_exists").wait(Bucket="walk", WaiterConfig=waiter)

# Paginators.
names = [f"walk-{i}" for i in range(5)]
for name in names:
    s3.create_bucket(Bucket=name)
assert [b["Name"] for b in pages("list_buckets", ["Buckets"], 2, Prefix="walk-")] == names
s3.put_bucket_versioning(Bucket="walk-0", VersioningConfiguration={"Status": "Enabled"})
keys = [f"a/{i:02}" for i in range(7)] + ["b/1", "b/2", "c"]
for key in keys:
    for body in (b"1", b"22"):
        s3.put_object(Bucket="walk-0", Key=key, Body=body)
s3.delete_object(Bucket="walk-0", Key="c")
live = keys[:-1]
for operation in ("list_objects", "list_objects_v2"):
    assert [o["Key"] for o in pages(operation, ["Contents"], 3, Bucket="walk-0")] == live, operation
    assert [o["Key"] for o in pages(operation, ["Contents"], 2, Bucket="walk-0", Prefix="a/")] == keys[:7], operation
    rolled = pages(operation, ["Contents", "CommonPrefixes"], 1, Bucket="walk-0", Delimiter="/")
    assert [p["Prefix"] for p in rolled] == ["a/", "b/"], (operation, rolled)
versions = pages("list_object_versions", ["Versions", "DeleteMarkers"], 4, Bucket="walk-0")
assert len(versions) == 2 * len(keys) + 1, len(versions)
assert sum(v["IsLatest"] for v in versions) == len(keys)
uploads = [s3.create_multipart_upload(Bucket="walk-1", Key=f"u/{i}")["UploadId"] for i in range(5)]
found = pages("list_multipart_uploads", ["Uploads"], 2, Bucket="walk-1")
assert [u["UploadId"] for u in found] == uploads, found
for n in range(1, 6):
    s3.upload_part(Bucket="walk-1", Key="u/0", UploadId=uploads[0], PartNumber=n, Body=b"p" * n)
parts = pages("list_parts", ["Parts"], 2, Bucket="walk-1", Key="u/0", UploadId=uploads[0])
assert [(p["PartNumber"], p["Size"]) for p in parts] == [(n, n) for n in range(1, 6)], parts
for i, upload in enumerate(uploads):
    s3.abort_multipart_upload(Bucket="walk-1", Key=f"u/{i}", UploadId=upload)

# Access control lists.
s3.create_bucket(Bucket="walk-acl", ObjectOwnership="ObjectWriter")
refused("AccessDenied", s3.put_bucket_acl, Bucket="walk-acl", ACL="public-read")
s3.delete_public_access_block(Bucket="walk-acl")
s3.put_object(Bucket="walk-acl", Key="public", Body=b"for all", ACL="public-read")
s3.put_object(Bucket="walk-acl", Key="private", Body=b"for one")
url = s3.meta.endpoint_url + "/walk-acl/"
assert urllib.request.urlopen(url + "public").read() == b"for all"
try:
    urllib.request.urlopen(url + "private")
    raise AssertionError("a private object is public")
except urllib.error.HTTPError as e:
    assert e.code == 403, e
them = other.list_buckets()["Owner"]["ID"]
s3.put_bucket_acl(Bucket="walk-acl", GrantFullControl=f'id="{s3.list_buckets()["Owner"]["ID"]}"', GrantWrite=f'id="{them}"')
other.put_object(Bucket="walk-acl", Key="theirs", Body=b"x")
assert other.get_object_acl(Bucket="walk-acl", Key="theirs")["Owner"]["ID"] == them
refused("AccessDenied", s3.get_object, Bucket="walk-acl", Key="theirs")
other.put_object_acl(Bucket="walk-acl", Key="theirs", ACL="bucket-owner-read")
assert s3.get_object(Bucket="walk-acl", Key="theirs")["Body"].read() == b"x"
refused("AccessControlListNotSupported", s3.put_object, Bucket="walk-2", Key="k", ACL="public-read")

# Object lock.
s3.create_bucket(Bucket="walk-lock", ObjectLockEnabledForBucket=True)
rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
s3.put_object_lock_configuration(Bucket="walk-lock", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
assert s3.get_object_lock_configuration(Bucket="walk-lock")["ObjectLockConfiguration"]["Rule"] == rule
version = s3.put_object(Bucket="walk-lock", Key="k", Body=b"kept")["VersionId"]
assert s3.head_object(Bucket="walk-lock", Key="k")["ObjectLockMode"] == "GOVERNANCE"
refused("AccessDenied", s3.delete_object, Bucket="walk-lock", Key="k", VersionId=version)
s3.put_object_legal_hold(Bucket="walk-lock", Key="k", LegalHold={"Status": "ON"})
one = {"Objects": [{"Key": "k", "VersionId": version}]}
errors = s3.delete_objects(Bucket="walk-lock", Delete=one, BypassGovernanceRetention=True)["Errors"]
assert errors[0]["Code"] == "AccessDenied", errors
s3.put_object_legal_hold(Bucket="walk-lock", Key="k", LegalHold={"Status": "OFF"})
s3.delete_objects(Bucket="walk-lock", Delete=one, BypassGovernanceRetention=True)
until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)
s3.put_object(Bucket="walk-lock", Key="c", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
refused("AccessDenied", s3.put_object_retention, Bucket="walk-lock", Key="c", BypassGovernanceRetention=True, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - datetime.timedelta(days=1)})

# Archives.
s3.put_object(Bucket="walk-2", Key="cold", Body=b"x", StorageClass="DEEP_ARCHIVE")
assert refused("InvalidObjectState", s3.get_object, Bucket="walk-2", Key="cold")["Error"]["StorageClass"] == "DEEP_ARCHIVE"
request = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
assert s3.restore_object(Bucket="walk-2", Key="cold", RestoreRequest=request)["ResponseMetadata"]["HTTPStatusCode"] == 202
refused("RestoreAlreadyInProgress", s3.restore_object, Bucket="walk-2", Key="cold", RestoreRequest=request)
assert s3.head_object(Bucket="walk-2", Key="cold")["Restore"] == 'ongoing-request="true"'

# Keys of KMS, with the transfer manager.
key = kms.create_key()["KeyMetadata"]["Arn"]
default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}
s3.put_bucket_encryption(Bucket="walk-3", ServerSideEncryptionConfiguration={"Rules": [default]})
data = os.urandom(12 << 20)
s3.upload_fileobj(io.BytesIO(data), "walk-3", "large", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
head = s3.head_object(Bucket="walk-3", Key="large")
assert head["SSEKMSKeyId"] == key and head["BucketKeyEnabled"], head
s3.copy({"Bucket": "walk-3", "Key": "large"}, "walk-2", "copy")
for name in (("walk-3", "large"), ("walk-2", "copy")):
    got = io.BytesIO()
    s3.download_fileobj(*name, got)
    assert got.getvalue() == data, name
assert s3.head_object(Bucket="walk-2", Key="copy")["ServerSideEncryption"] == "AES256"
refused("KMS.NotFoundException", s3.put_object, Bucket="walk-2", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="missing")

# Conditional writes.
refused("PreconditionFailed", s3.put_object, Bucket="walk-2", Key="copy", Body=b"x", IfNoneMatch="*")
refused("PreconditionFailed", s3.put_object, Bucket="walk-2", Key="copy", Body=b"x", IfMatch='"other"')
refused("PreconditionFailed", s3.delete_object, Bucket="walk-2", Key="copy", IfMatch='"other"')
etag = s3.head_object(Bucket="walk-2", Key="copy")["ETag"]
s3.delete_object(Bucket="walk-2", Key="copy", IfMatch=etag)
refused("404", s3.head_object, Bucket="walk-2", Key="copy")
