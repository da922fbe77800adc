"""Walks the paginators and waiters of S3 and S3 Control, and what buckets are configured to do, against AWS_ENDPOINT_URL."""

import json
import os
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
s3 = boto3.client("s3")
# The account stands before the endpoint's host, which not every resolver knows below localhost: so the endpoint is its own proxy.
control = boto3.client("s3control", config=botocore.config.Config(proxies={"http": os.environ["AWS_ENDPOINT_URL"]}))


def pages(client, name, key, size, **arguments):
    """All items of a paginator, of which there must be several pages."""
    found, count = [], 0
    for page in client.get_paginator(name).paginate(PaginationConfig={"PageSize": size}, **arguments):
        count += 1
        found += page.get(key, [])
    assert count > 1, f"{name} has one page"
    return found


def code(function, **arguments):
    """The code of the error that a call has to fail with."""
    try:
        function(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{function.__name__} did not fail")


def walk_buckets():
    for i in range(3):
        s3.create_bucket(Bucket=f"walk-{i}")
        s3.get_waiter("bucket_exists").wait(Bucket=f"walk-{i}")
    names = [b["Name"] for b in pages(s3, "list_buckets", "Buckets", 1, Prefix="walk-")]
    assert names == ["walk-0", "walk-1", "walk-2"], names
    s3.delete_bucket(Bucket="walk-2")
    s3.get_waiter("bucket_not_exists").wait(Bucket="walk-2")


def walk_objects():
    s3.put_bucket_versioning(Bucket="walk-0", VersioningConfiguration={"Status": "Enabled"})
    for i in range(5):
        s3.put_object(Bucket="walk-0", Key=f"k{i}", Body=b"x")
    s3.put_object(Bucket="walk-0", Key="k0", Body=b"y")
    s3.get_waiter("object_exists").wait(Bucket="walk-0", Key="k4")
    s3.delete_object(Bucket="walk-0", Key="k4")
    s3.get_waiter("object_not_exists").wait(Bucket="walk-0", Key="k4")
    for name in ("list_objects", "list_objects_v2"):
        keys = [o["Key"] for o in pages(s3, name, "Contents", 2, Bucket="walk-0")]
        assert keys == ["k0", "k1", "k2", "k3"], keys
    assert len(pages(s3, "list_object_versions", "Versions", 2, Bucket="walk-0")) == 6
    assert len(pages(s3, "list_object_versions", "DeleteMarkers", 2, Bucket="walk-0")) == 1


def walk_uploads():
    ids = [s3.create_multipart_upload(Bucket="walk-0", Key=f"u{i}")["UploadId"] for i in range(3)]
    assert len(pages(s3, "list_multipart_uploads", "Uploads", 1, Bucket="walk-0")) == 3
    for number in (1, 2, 3):
        s3.upload_part(Bucket="walk-0", Key="u0", UploadId=ids[0], PartNumber=number, Body=b"x")
    parts = pages(s3, "list_parts", "Parts", 2, Bucket="walk-0", Key="u0", UploadId=ids[0])
    assert [p["PartNumber"] for p in parts] == [1, 2, 3]
    for i, upload in enumerate(ids):
        s3.abort_multipart_upload(Bucket="walk-0", Key=f"u{i}", UploadId=upload)


def configure():
    """Each configuration is read as it was written."""
    bucket = {"Bucket": "walk-1"}
    s3.put_bucket_website(**bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "i.html"}, "ErrorDocument": {"Key": "e.html"}})
    assert s3.get_bucket_website(**bucket)["IndexDocument"] == {"Suffix": "i.html"}
    s3.put_bucket_accelerate_configuration(**bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(**bucket)["Status"] == "Enabled"
    s3.put_bucket_request_payment(**bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(**bucket)["Payer"] == "Requester"
    s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**bucket)
    queue = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "Events": ["s3:ObjectCreated:Nothing"]}
    assert code(s3.put_bucket_notification_configuration, **bucket, NotificationConfiguration={"QueueConfigurations": [queue]}) == "InvalidArgument"
    s3.put_bucket_logging(**bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "walk-0", "TargetPrefix": "logs/"}})
    assert s3.get_bucket_logging(**bucket)["LoggingEnabled"]["TargetPrefix"] == "logs/"
    s3.put_bucket_logging(**bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(**bucket)
    for i in range(102):
        s3.put_bucket_metrics_configuration(**bucket, Id=f"m{i:03}", MetricsConfiguration={"Id": f"m{i:03}"})
    first = s3.list_bucket_metrics_configurations(**bucket)
    rest = s3.list_bucket_metrics_configurations(**bucket, ContinuationToken=first["NextContinuationToken"])
    assert len(first["MetricsConfigurationList"]) == 100 and len(rest["MetricsConfigurationList"]) == 2 and not rest["IsTruncated"]
    rule = {
        "ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""},
        "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}], "NoncurrentVersionExpiration": {"NoncurrentDays": 9, "NewerNoncurrentVersions": 2},
    }
    s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(**bucket)["Rules"] == [rule]


def replicate():
    """An object is copied with the permissions of a role."""
    iam = boto3.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="walk-s3", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="walk-s3", PolicyName="all", PolicyDocument=json.dumps(policy))
    s3.put_bucket_versioning(Bucket="walk-1", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(Bucket="walk-0", ReplicationConfiguration={"Role": role, "Rules": [{
        "ID": "all", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "copied/"}, "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::walk-1"},
    }]})
    s3.put_object(Bucket="walk-0", Key="copied/k", Body=b"hello", Metadata={"a": "b"})
    s3.get_waiter("object_exists").wait(Bucket="walk-1", Key="copied/k", WaiterConfig={"Delay": 1})
    copy = s3.get_object(Bucket="walk-1", Key="copied/k")
    assert copy["Body"].read() == b"hello" and copy["ReplicationStatus"] == "REPLICA" and copy["Metadata"] == {"a": "b"}, copy
    assert s3.head_object(Bucket="walk-0", Key="copied/k")["ReplicationStatus"] == "COMPLETED"
    s3.delete_bucket_replication(Bucket="walk-0")
    iam.delete_role_policy(RoleName="walk-s3", PolicyName="all")
    iam.delete_role(RoleName="walk-s3")


def serve():
    """A public bucket is a website."""
    s3.delete_public_access_block(Bucket="walk-1")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::walk-1/*"}
    s3.put_bucket_policy(Bucket="walk-1", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_request_payment(Bucket="walk-1", RequestPaymentConfiguration={"Payer": "BucketOwner"})
    s3.put_object(Bucket="walk-1", Key="i.html", Body=b"<p>home", ContentType="text/html")
    request = urllib.request.Request(s3.meta.endpoint_url, headers={"Host": "walk-1.s3-website-us-east-1.amazonaws.com"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"<p>home" and answer.headers["Content-Type"] == "text/html"


def walk_points():
    for i in range(3):
        control.create_access_point(AccountId=ACCOUNT, Name=f"walk-{i}", Bucket="walk-0")
    names, page = [], {"NextToken": None}
    while "NextToken" in page:
        token = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
        page = control.list_access_points(AccountId=ACCOUNT, MaxResults=1, **token)
        names += [p["Name"] for p in page["AccessPointList"]]
    assert names == ["walk-0", "walk-1", "walk-2"], names
    point = control.get_access_point(AccountId=ACCOUNT, Name="walk-0")
    s3.put_object(Bucket=point["Alias"], Key="through", Body=b"x")
    assert s3.get_object(Bucket="walk-0", Key="through")["Body"].read() == b"x"
    control.tag_resource(AccountId=ACCOUNT, ResourceArn=point["AccessPointArn"], Tags=[{"Key": "a", "Value": "b"}])
    assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=point["AccessPointArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    for i in range(3):
        control.delete_access_point(AccountId=ACCOUNT, Name=f"walk-{i}")
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
    control.delete_public_access_block(AccountId=ACCOUNT)
    assert code(control.get_public_access_block, AccountId=ACCOUNT) == "NoSuchPublicAccessBlockConfiguration"


walk_buckets()
walk_objects()
walk_uploads()
configure()
replicate()
serve()
walk_points()
