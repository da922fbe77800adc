"""One pass over each service with boto3, configured by nothing but what `drydock env` exports."""

import io
import json
import time
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError


def fails(code, call, **arguments):
    """Check that a call fails with an error code, and return the error."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error
    raise AssertionError(f"{call} succeeded, want {code}")


trust = {"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com", "AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}}
allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["logs:*", "s3:ListAllMyBuckets"], "Resource": "*"}}

# IAM and STS, also through resources, which are made of the same calls.
iam = boto3.resource("iam")
role = iam.create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(trust))
role.Policy("inline").put(PolicyDocument=json.dumps(allow))
assert role.assume_role_policy_document == trust, role.assume_role_policy_document
user = iam.create_user(UserName="ada")
key = user.create_access_key_pair()
user.create_policy(PolicyName="assume", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role.arn}}))
ada = boto3.Session(aws_access_key_id=key.id, aws_secret_access_key=key.secret)
assert ada.client("sts").get_caller_identity()["Arn"] == user.arn
given = ada.client("sts").assume_role(RoleArn=role.arn, RoleSessionName="test")["Credentials"]
assumed = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
assert assumed.client("s3").list_buckets()["Buckets"] == []
fails("AccessDenied", ada.client("s3").list_buckets)
iam.meta.client.get_waiter("user_exists").wait(UserName="ada")

# S3: a multipart upload by the transfer manager, pages, versions, a presigned URL.
s3 = boto3.client("s3")
s3.create_bucket(Bucket="files")
s3.get_waiter("bucket_exists").wait(Bucket="files")
content = bytes(range(256)) * (48 << 10)
s3.upload_fileobj(io.BytesIO(content), "files", "large", ExtraArgs={"Metadata": {"who": "ada"}}, Config=TransferConfig(multipart_threshold=5 << 20))
back = io.BytesIO()
s3.download_fileobj("files", "large", back)
assert back.getvalue() == content
assert s3.head_object(Bucket="files", Key="large")["Metadata"] == {"who": "ada"}
for n in range(5):
    s3.put_object(Bucket="files", Key=f"k/{n}", Body=str(n).encode())
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="files", Prefix="k/", PaginationConfig={"PageSize": 2}))
assert [o["Key"] for p in pages for o in p["Contents"]] == [f"k/{n}" for n in range(5)] and len(pages) == 3
# botocore asks whether it may go on before each file, an empty one too, and takes it ill on the next when nobody tells it.
hasty = boto3.client("s3", config=Config(read_timeout=10, max_pool_connections=1, retries={"total_max_attempts": 1}))
bodies = [b"", b"1", b"", b"", b"2"]
for n, body in enumerate(bodies):
    hasty.put_object(Bucket="files", Key=f"e/{n}", Body=io.BytesIO(body))
for n, body in enumerate(bodies):
    assert hasty.get_object(Bucket="files", Key=f"e/{n}")["Body"].read() == body
url = s3.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "k/3"})
assert urllib.request.urlopen(url).read() == b"3"
fails("NoSuchKey", s3.get_object, Bucket="files", Key="absent")

# CloudWatch Logs.
logs = assumed.client("logs")
logs.create_log_group(logGroupName="/app")
logs.create_log_stream(logGroupName="/app", logStreamName="web")
logs.put_log_events(logGroupName="/app", logStreamName="web", logEvents=[{"timestamp": int(time.time() * 1000), "message": "hello"}])
found = logs.get_paginator("filter_log_events").paginate(logGroupName="/app", filterPattern="hello").build_full_result()
assert [e["message"] for e in found["events"]] == ["hello"]
error = fails("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/app")
assert isinstance(error, logs.exceptions.ResourceAlreadyExistsException)

# CodeCommit.
codecommit = boto3.client("codecommit")
codecommit.create_repository(repositoryName="hello", tags={"team": "a"})
commit = codecommit.create_commit(repositoryName="hello", branchName="main", putFiles=[{"filePath": "f", "fileContent": b"\x00\x01"}])["commitId"]
assert codecommit.get_file(repositoryName="hello", filePath="f")["fileContent"] == b"\x00\x01"
assert codecommit.get_branch(repositoryName="hello", branchName="main")["branch"]["commitId"] == commit
fails("RepositoryDoesNotExistException", codecommit.get_repository, repositoryName="absent")

# CodeBuild.
codebuild = boto3.client("codebuild")
codebuild.create_project(
    name="hello", serviceRole=role.arn, artifacts={"type": "NO_ARTIFACTS"},
    source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases:\n  build:\n    commands:\n      - echo built"},
    environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"})
build = codebuild.start_build(projectName="hello")["build"]
while not build["buildComplete"]:
    build = codebuild.batch_get_builds(ids=[build["id"]])["builds"][0]
    time.sleep(0.1)
assert build["buildStatus"] == "SUCCEEDED", build
events = logs.get_log_events(logGroupName="/aws/codebuild/hello", logStreamName=build["logs"]["streamName"], startFromHead=True)["events"]
assert any(e["message"].strip() == "built" for e in events), events
fails("ResourceNotFoundException", codebuild.start_build, projectName="absent")
