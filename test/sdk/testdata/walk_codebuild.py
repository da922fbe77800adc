"""Walks the paginators of CodeBuild, which has no waiters, over what real builds left behind."""

import json
import time

import boto3
from botocore.exceptions import ClientError

codebuild = boto3.client("codebuild")
iam = boto3.client("iam")
account = boto3.client("sts").get_caller_identity()["Account"]

BUILDSPEC = """version: 0.2
batch:
  build-matrix:
    dynamic: {env: {variables: {N: ["1", "2"]}}}
phases:
  build:
    commands:
      - |
        (echo '<testsuite name="s">'
        for i in 1 2 3 4 5; do echo "<testcase classname='c' name='t$i' time='0.5'/>"; done
        echo '<testcase classname="c" name="bad"><failure message="no"/></testcase></testsuite>') >junit.xml
      - |
        for f in a b c; do printf 'SF:%s.c\\nDA:1,1\\nDA:2,0\\nend_of_record\\n' $f; done >lcov.info
reports:
  unit: {files: [junit.xml]}
  coverage: {files: [lcov.info], file-format: LCOV}
"""


def trust():
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def allow(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def walk(operation, key, size=None, **arguments):
    """All items of an operation's pages; size makes for more than one page."""
    if size:
        arguments["PaginationConfig"] = {"PageSize": size}
    items, pages = [], 0
    for page in codebuild.get_paginator(operation).paginate(**arguments):
        items += page.get(key, [])
        pages += 1
    if size:
        assert pages == max(1, -(-len(items) // size)), (operation, pages, len(items))
    return items


def wait(fetch, done, limit=120):
    end = time.monotonic() + limit
    while not done(found := fetch()):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


role = iam.create_role(RoleName="walk-codebuild", AssumeRolePolicyDocument=trust())["Role"]["Arn"]
iam.put_role_policy(RoleName="walk-codebuild", PolicyName="all", PolicyDocument=allow("logs:*", "codebuild:*"))


def project(name, **more):
    return codebuild.create_project(
        name=name, serviceRole=role, source={"type": "NO_SOURCE", "buildspec": BUILDSPEC}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
        **more)["project"]


project("walk-codebuild", buildBatchConfig={"serviceRole": role})
for i in range(101):
    project(f"walk-codebuild-{i:03}")
names = walk("list_projects", "projects")
assert len(names) == 102 and names == sorted(names), names
newest = walk("list_projects", "projects", sortBy="CREATED_TIME", sortOrder="DESCENDING")
assert newest[0] == "walk-codebuild-100" and newest[-1] == "walk-codebuild", newest

build = codebuild.start_build(projectName="walk-codebuild")["build"]["id"]
build = wait(lambda: codebuild.batch_get_builds(ids=[build])["builds"][0], lambda b: b["buildComplete"])
assert build["buildStatus"] == "SUCCEEDED", build["phases"]
batches = [codebuild.start_build_batch(projectName="walk-codebuild")["buildBatch"]["id"] for _ in range(3)]
found = wait(lambda: codebuild.batch_get_build_batches(ids=batches)["buildBatches"], lambda all: all and all[-1] and sum(b["complete"] for b in all) == 3)
for batch in found:
    assert batch["buildBatchStatus"] == "SUCCEEDED", batch
    assert [g["identifier"] for g in batch["buildGroups"]] == ["DOWNLOAD_SOURCE", "build0", "build1"], batch
assert walk("list_build_batches", "ids", 2) == batches[::-1]
assert walk("list_build_batches_for_project", "ids", 1, projectName="walk-codebuild", sortOrder="ASCENDING") == batches

# The build, and three of each batch.
assert len(walk("list_builds", "ids")) == 10
assert len(walk("list_builds_for_project", "ids", projectName="walk-codebuild")) == 10

groups = walk("list_report_groups", "reportGroups", 1, sortBy="NAME")
prefix = f"arn:aws:codebuild:us-east-1:{account}:report-group/walk-codebuild-"
assert groups == [prefix + "coverage", prefix + "unit"], groups
reports = walk("list_reports", "reports", 4)
assert len(reports) == 14, reports
assert len(walk("list_reports", "reports", 3, filter={"status": "FAILED"})) == 7
unit = walk("list_reports_for_report_group", "reports", 2, reportGroupArn=groups[1], sortOrder="ASCENDING")
assert len(unit) == 7 and unit[0] in build["reportArns"], unit
report = codebuild.batch_get_reports(reportArns=unit[:1])["reports"][0]
assert report["status"] == "FAILED" and report["testSummary"]["total"] == 6, report
cases = walk("describe_test_cases", "testCases", 4, reportArn=unit[0])
assert [c["status"] for c in cases] == ["SUCCEEDED"] * 5 + ["FAILED"], cases
assert [c["name"] for c in walk("describe_test_cases", "testCases", reportArn=unit[0], filter={"status": "FAILED"})] == ["bad"]
coverage = codebuild.list_reports_for_report_group(reportGroupArn=groups[0])["reports"][0]
files = walk("describe_code_coverages", "codeCoverages", 2, reportArn=coverage, sortBy="FILE_PATH")
assert [(f["filePath"], f["lineCoveragePercentage"]) for f in files] == [("a.c", 50.0), ("b.c", 50.0), ("c.c", 50.0)], files
trend = codebuild.get_report_group_trend(reportGroupArn=groups[1], trendField="TOTAL", numOfReports=3)
assert [d["data"] for d in trend["rawData"]] == ["6"] * 3 and trend["stats"]["average"] == "6", trend

# What another account shares.
other = boto3.client("codebuild", aws_access_key_id="111122223333", aws_secret_access_key="x")
for arn in groups:
    codebuild.put_resource_policy(resourceArn=arn, policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "codebuild:ListReportsForReportGroup", "Resource": arn}]}))
shared = [arn for page in other.get_paginator("list_shared_report_groups").paginate(PaginationConfig={"PageSize": 1}) for arn in page["reportGroups"]]
assert shared == groups, shared
assert [p for page in other.get_paginator("list_shared_projects").paginate() for p in page["projects"]] == []
assert len(other.list_reports_for_report_group(reportGroupArn=groups[1])["reports"]) == 7
try:
    other.batch_get_reports(reportArns=unit[:1])
    raise AssertionError("another account reads what is not shared")
except ClientError as e:
    assert e.response["Error"]["Code"] == "AccessDeniedException", e

# Sandboxes are not there, and say so.
for operation, arguments in {
    "list_sandboxes": {}, "list_sandboxes_for_project": {"projectName": "walk-codebuild"},
    "list_command_executions_for_sandbox": {"sandboxId": "x"},
}.items():
    try:
        list(codebuild.get_paginator(operation).paginate(**arguments))
        raise AssertionError(operation)
    except ClientError as e:
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 501, e
