"""Walks the paginators of CloudWatch Logs but for those of queries, and each kind of thing a log group can have.

CloudWatch Logs has no waiters. The endpoint is AWS_ENDPOINT_URL's.
"""

import gzip
import io
import json
import time
import uuid

import boto3
import botocore.exceptions

logs = boto3.client("logs", region_name="us-east-1")
s3 = boto3.client("s3", region_name="us-east-1", config=boto3.session.Config(s3={"addressing_style": "path"}))
account = boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"]
suffix = uuid.uuid4().hex[:8]
prefix = "walk-" + suffix
arn = f"arn:aws:logs:us-east-1:{account}:"
role = f"arn:aws:iam::{account}:role/walk"


def walk(operation, key, size=2, **args):
    """Returns what a paginator finds in pages of a size, and that there were several."""
    sized = {"PageSize": size} if size else {}
    pages = list(logs.get_paginator(operation).paginate(PaginationConfig=sized, **args))
    found = [item for page in pages for item in page[key]]
    assert not size or len(pages) >= len(found) / size, (operation, len(pages), len(found))
    return found


def names(items, key):
    return sorted(item[key] for item in items if prefix in item[key])


def code(call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
    raise AssertionError("no error")


groups = [f"{prefix}/{i}" for i in range(5)]
group = groups[0]
for name in groups:
    logs.create_log_group(logGroupName=name)
undo = [lambda name=name: logs.delete_log_group(logGroupName=name) for name in groups]
try:
    assert names(walk("describe_log_groups", "logGroups", logGroupNamePrefix=prefix), "logGroupName") == groups

    streams = [f"s{i}" for i in range(5)]
    now = int(time.time() * 1000)
    for name in streams:
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        logs.put_log_events(
            logGroupName=group, logStreamName=name,
            logEvents=[{"timestamp": now - 1000 + i, "message": json.dumps({"stream": name, "code": 500 + i})} for i in range(3)],
        )
    assert [s["logStreamName"] for s in walk("describe_log_streams", "logStreams", logGroupName=group)] == streams
    events = walk("filter_log_events", "events", size=4, logGroupName=group, filterPattern="{ $.code = 501 }")
    assert len(events) == 5, events

    # Metric filters.
    for i in range(5):
        logs.put_metric_filter(
            logGroupName=group, filterName=f"{prefix}-{i}", filterPattern="{ $.code >= 500 }",
            metricTransformations=[{"metricName": "Errors", "metricNamespace": prefix, "metricValue": "$.code", "dimensions": {"Stream": "$.stream"}}],
        )
    assert len(walk("describe_metric_filters", "metricFilters", logGroupName=group)) == 5
    assert len(walk("describe_metric_filters", "metricFilters", metricName="Errors", metricNamespace=prefix)) == 5
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 5
    matches = logs.test_metric_filter(filterPattern="[a, b]", logEventMessages=["1 2", "1"])["matches"]
    assert [m["extractedValues"] for m in matches] == [{"$a": "1", "$b": "2"}], matches

    # Destinations and subscriptions.
    for i in range(3):
        name = f"{prefix}-{i}"
        logs.put_destination(destinationName=name, targetArn=f"arn:aws:kinesis:us-east-1:{account}:stream/walk", roleArn=role)
        undo.append(lambda name=name: logs.delete_destination(destinationName=name))
    assert len(walk("describe_destinations", "destinations", DestinationNamePrefix=prefix)) == 3
    destination = logs.describe_destinations(DestinationNamePrefix=f"{prefix}-0")["destinations"][0]["arn"]
    for i in range(2):
        logs.put_subscription_filter(logGroupName=group, filterName=f"f{i}", filterPattern="", destinationArn=destination)
    assert len(walk("describe_subscription_filters", "subscriptionFilters", size=1, logGroupName=group)) == 2
    assert code(logs.put_subscription_filter, logGroupName=group, filterName="f2", filterPattern="", destinationArn=destination) == "LimitExceededException"

    # Resource policies.
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "route53.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": arn + "log-group:*"}]}
    for i in range(3):
        name = f"{prefix}-{i}"
        logs.put_resource_policy(policyName=name, policyDocument=json.dumps(document))
        undo.append(lambda name=name: logs.delete_resource_policy(policyName=name))
    assert len(names(walk("describe_resource_policies", "resourcePolicies"), "policyName")) == 3

    # Data protection.
    identifiers = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
    logs.put_data_protection_policy(logGroupIdentifier=groups[1], policyDocument=json.dumps({
        "Name": "walk", "Version": "2021-06-01", "Statement": [
            {"Sid": "a", "DataIdentifier": identifiers, "Operation": {"Audit": {"FindingsDestination": {}}}},
            {"Sid": "b", "DataIdentifier": identifiers, "Operation": {"Deidentify": {"MaskConfig": {}}}}]}))
    logs.create_log_stream(logGroupName=groups[1], logStreamName="one")
    logs.put_log_events(logGroupName=groups[1], logStreamName="one", logEvents=[{"timestamp": now, "message": "to a@example.com"}])
    read = dict(logGroupName=groups[1], logStreamName="one")
    assert logs.get_log_events(**read)["events"][0]["message"] == "to *************"
    assert logs.get_log_events(unmask=True, **read)["events"][0]["message"] == "to a@example.com"

    # Transformers.
    config = [{"parseJSON": {}}, {"addKeys": {"entries": [{"key": "stage", "value": "live"}]}}, {"upperCaseString": {"withKeys": ["stream"]}}]
    logs.put_transformer(logGroupIdentifier=group, transformerConfig=config)
    assert logs.get_transformer(logGroupIdentifier=group)["transformerConfig"] == config
    out = logs.test_transformer(transformerConfig=config, logEventMessages=['{"stream":"s"}'])["transformedLogs"]
    assert json.loads(out[0]["transformedEventMessage"]) == {"stream": "S", "stage": "live"}, out

    # Anomaly detectors.
    for name in groups[:3]:
        made = logs.create_log_anomaly_detector(logGroupArnList=[arn + "log-group:" + name], detectorName=prefix)["anomalyDetectorArn"]
        undo.append(lambda made=made: logs.delete_log_anomaly_detector(anomalyDetectorArn=made))
    found = [d for d in walk("list_log_anomaly_detectors", "anomalyDetectors") if d["detectorName"] == prefix]
    assert len(found) == 3, found
    assert walk("list_anomalies", "anomalies", anomalyDetectorArn=made) == []

    # Deliveries.
    for i, log_type in enumerate(["INFO_LOGS", "ERROR_LOGS", "TRACE_LOGS"]):
        name = f"{prefix}-{i}"
        logs.put_delivery_source(name=name, resourceArn=f"arn:aws:events:us-east-1:{account}:event-bus/{prefix}", logType=log_type)
        to = logs.put_delivery_destination(
            name=name, outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": arn + "log-group:" + group})
        made = logs.create_delivery(deliverySourceName=name, deliveryDestinationArn=to["deliveryDestination"]["arn"])["delivery"]["id"]
        undo.append(lambda name=name: logs.delete_delivery_source(name=name))
        undo.append(lambda name=name: logs.delete_delivery_destination(name=name))
        undo.append(lambda made=made: logs.delete_delivery(id=made))
    assert len(names(walk("describe_delivery_sources", "deliverySources"), "name")) == 3
    assert len(names(walk("describe_delivery_destinations", "deliveryDestinations"), "name")) == 3
    assert len(names(walk("describe_deliveries", "deliveries"), "deliverySourceName")) == 3
    templates = walk("describe_configuration_templates", "configurationTemplates", size=10)
    assert {"cloudfront", "events"} <= {t["service"] for t in templates}

    # Export.
    s3.create_bucket(Bucket=prefix)
    undo.append(lambda: s3.delete_bucket(Bucket=prefix))
    statement = {"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceAccount": account}}}
    s3.put_bucket_policy(Bucket=prefix, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {**statement, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::" + prefix},
        {**statement, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{prefix}/*"}]}))
    for _ in range(3):
        task = logs.create_export_task(
            logGroupName=group, fromTime=0, to=now + 1000, destination=prefix, destinationPrefix="out")
        for _ in range(300):
            status = logs.describe_export_tasks(taskId=task["taskId"])["exportTasks"][0]["status"]["code"]
            if status not in ("PENDING", "RUNNING"):
                break
            time.sleep(0.1)
        assert status == "COMPLETED", status
    tasks = walk("describe_export_tasks", "exportTasks", statusCode="COMPLETED")
    assert len([t for t in tasks if t["destination"] == prefix]) == 3, tasks
    body = s3.get_object(Bucket=prefix, Key=f"out/{task['taskId']}/s0/000000.gz")["Body"].read()
    assert gzip.GzipFile(fileobj=io.BytesIO(body)).read().count(b"\n") == 3
    for key in [o["Key"] for o in s3.list_objects_v2(Bucket=prefix)["Contents"]]:
        s3.delete_object(Bucket=prefix, Key=key)
finally:
    for action in reversed(undo):
        action()
assert code(logs.describe_metric_filters, logGroupName=group) == "ResourceNotFoundException"
