"""Walks the paginators of Logs Insights' operations, and a query from its start to its records.

boto3 has no waiter for queries, so the status is asked for. The endpoint is AWS_ENDPOINT_URL's.
"""

import json
import time
import uuid

import boto3
import botocore.exceptions

logs = boto3.client("logs", region_name="us-east-1")
suffix = uuid.uuid4().hex[:8]
group = "/insights/walk-" + suffix


def wait(query_id):
    for _ in range(300):
        out = logs.get_query_results(queryId=query_id)
        if out["status"] not in ("Scheduled", "Running"):
            return out
        time.sleep(0.1)
    raise AssertionError("the query does not end")


def query(text, **more):
    now = int(time.time())
    more.setdefault("logGroupName", group)
    return logs.start_query(queryString=text, startTime=now - 3600, endTime=now + 60, **more)["queryId"]


def rows(out):
    return [{f["field"]: f["value"] for f in row if f["field"] != "@ptr"} for row in out["results"]]


def code(call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"], e.response
    raise AssertionError("no error")


logs.create_log_group(logGroupName=group)
definitions = []
try:
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)
    levels = ["INFO", "ERROR", "INFO", "WARN", "INFO"]
    logs.put_log_events(
        logGroupName=group,
        logStreamName="one",
        logEvents=[
            {"timestamp": now - 5000 + i, "message": json.dumps({"level": level, "ms": 10 * i, "req": {"id": f"r-{i}"}})}
            for i, level in enumerate(levels)
        ],
    )

    first = query("fields level, req.id | filter ms >= 20 | sort ms desc")
    out = wait(first)
    assert out["status"] == "Complete", out
    assert rows(out) == [
        {"level": "INFO", "req.id": "r-4"}, {"level": "WARN", "req.id": "r-3"}, {"level": "INFO", "req.id": "r-2"},
    ], out
    assert out["statistics"]["recordsMatched"] == 3 and out["statistics"]["recordsScanned"] == 5, out
    pointer = out["results"][0][-1]
    assert pointer["field"] == "@ptr"
    record = logs.get_log_record(logRecordPointer=pointer["value"])["logRecord"]
    assert record["req.id"] == "r-4" and record["@logStream"] == "one", record

    out = wait(query("stats count(*) as n, max(ms) as slowest by level | sort n desc, level", logGroupName=group))
    assert rows(out) == [
        {"level": "INFO", "n": "3", "slowest": "40"}, {"level": "ERROR", "n": "1", "slowest": "10"}, {"level": "WARN", "n": "1", "slowest": "30"},
    ], out

    with_source = logs.start_query(
        queryString=f"SOURCE logGroups(namePrefix: ['{group}']) | fields @message", startTime=0, endTime=int(time.time()) + 60
    )["queryId"]
    assert len(wait(with_source)["results"]) == 5

    got, response = code(logs.start_query, queryString="fields a | nope", logGroupName=group, startTime=0, endTime=1)
    assert got == "MalformedQueryException" and response["queryCompileError"]["location"]["startCharOffset"] == 11, response
    got, response = code(logs.stop_query, queryId=first)
    assert got == "InvalidParameterException", response

    def pages(name, key, **args):
        found, n = [], 0
        for page in logs.get_paginator(name).paginate(**args):
            found += page[key]
            n += 1
        return found, n

    found, n = pages("describe_queries", "queries", logGroupName=group, PaginationConfig={"PageSize": 2})
    assert len(found) == 3 and n == 2, (found, n)

    fields = {f["name"]: f["percent"] for f in logs.get_log_group_fields(logGroupName=group)["logGroupFields"]}
    assert fields["level"] == 100 and fields["@message"] == 100 and fields["req.id"] == 100, fields

    for i in range(5):
        definitions.append(
            logs.put_query_definition(
                name=f"walk-{suffix}/{i}", queryString="filter level = '{{level}}'", logGroupNames=[group], parameters=[{"name": "level", "defaultValue": "ERROR"}]
            )["queryDefinitionId"]
        )
    # botocore has no paginators for these two.
    args, found, n = {"queryDefinitionNamePrefix": f"walk-{suffix}/", "maxResults": 2}, [], 0
    while n == 0 or "nextToken" in args:
        page = logs.describe_query_definitions(**args)
        found, n = found + page["queryDefinitions"], n + 1
        args.pop("nextToken", None)
        args |= {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert [d["name"][-1] for d in found] == list("01234") and n == 3, (found, n)

    page = logs.get_query_results(queryId=first, maxItems=2)
    rest = logs.get_query_results(queryId=first, maxItems=2, nextToken=page["nextToken"])
    assert len(page["results"]) == 2 and len(rest["results"]) == 1 and "nextToken" not in rest, (page, rest)

    found, n = pages("list_log_groups_for_query", "logGroupIdentifiers", queryId=first)
    assert found == [group], found
finally:
    for definition in definitions:
        assert logs.delete_query_definition(queryDefinitionId=definition)["success"]
    logs.delete_log_group(logGroupName=group)
