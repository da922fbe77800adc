"""Vectors from a real client, by the rules of fill_test.go.

Without arguments it writes requests/SERVICE.PROTOCOL.jsonl: what botocore's serializers make of every operation's input,
once with all members and once with the required ones, whose strings then have what needs escaping. With -check it parses snapshots/SERVICE.PROTOCOL.txt with
botocore's parsers and compares the results with the outputs the snapshots were made of. Made with botocore 1.43.11.
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import sys
import types

import botocore.awsrequest
import botocore.eventstream
import botocore.handlers
import botocore.parsers
import botocore.serialize
import botocore.session

HERE = pathlib.Path(__file__).parent

# The packages below api, and what botocore calls them.
SERVICES = {
    "codebuild": "codebuild",
    "codecommit": "codecommit",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "s3": "s3",
    "s3control": "s3control",
    "sts": "sts",
}

# Operations without requests.
LEFT_OUT = {
    # They share method and URI with their successors, and nothing else tells them apart.
    "s3": {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "PutBucketLifecycle",
        "PutBucketNotification",
        # These have endpoints of their own: S3 Express and S3 Object Lambda.
        "ListDirectoryBuckets",
        "WriteGetObjectResponse",
    },
    # Multi-region access points, which are not there: their greedy label has a suffix.
    "s3control": {
        "GetMultiRegionAccessPointPolicy",
        "GetMultiRegionAccessPointPolicyStatus",
        "GetMultiRegionAccessPointRoutes",
        "SubmitMultiRegionAccessPointRoutes",
    },
}

TIME = datetime.datetime(2021, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
ABSENT = object()
ODD = " /+%&=?~#;<\">'\té€"


class Filler:
    """Fills shapes; leaves counts the scalars it has set."""

    def __init__(self, required_only=False):
        self.required_only = required_only
        self.suffix = ODD if required_only else ""
        self.leaves = 0
        self.inside = []

    def structure(self, shape):
        if shape is None:
            return {}
        out = collections.OrderedDict()
        self.inside.append(shape.name)
        for name, member in shape.members.items():
            union = getattr(shape, "is_tagged_union", False)
            if self.required_only and name not in shape.required_members and not union:
                continue
            value = self.member(member, name)
            if value is not ABSENT:
                out[name] = value
                if union:
                    break
        self.inside.pop()
        return out

    def member(self, shape, name):
        if shape.serialization.get("location") not in ("header", "headers"):
            return self.value(shape, name)
        suffix, self.suffix = self.suffix, ""
        value = self.value(shape, name)
        self.suffix = suffix
        return value

    def value(self, shape, name):
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_eventstream", False):
                return ABSENT
            if shape.name in self.inside or getattr(shape, "is_document_type", False):
                return ABSENT
            if self.required_only and not shape.required_members:
                # Some protocols cannot send an empty structure.
                self.required_only = False
                filled = self.structure(shape)
                self.required_only = True
                return filled
            return self.structure(shape)
        if kind == "list":
            element = self.value(shape.member, name)
            return element if element is ABSENT else [element]
        if kind == "map":
            element = self.value(shape.value, name)
            key = shape.key.enum[0] if shape.key.enum else "key"
            return element if element is ABSENT else {key: element}
        self.leaves += 1
        if kind == "string" and shape.enum:
            return shape.enum[0]
        if shape.serialization.get("jsonvalue"):
            return name
        number = sum(name.encode())
        return {
            "string": name + self.suffix,
            "character": name,
            "boolean": True,
            "integer": number,
            "long": number,
            "float": number + 0.5,
            "double": number + 0.5,
            "timestamp": TIME,
            "blob": name.encode(),
        }[kind]


def request(protocol, operation, members):
    """Returns the HTTP request of a filled operation as a client sends it, but for host and signature."""
    fill = Filler(members == "required")
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    params = fill.structure(operation.input_shape)
    made = serializer.serialize_to_request(params, operation)
    botocore.awsrequest.prepare_request_dict(made, endpoint_url="http://localhost")
    sent = botocore.awsrequest.create_request_object(made).prepare()
    body = sent.body
    if body is None:
        body = b""
    elif hasattr(body, "read"):
        body = body.read()
    elif isinstance(body, str):
        body = body.encode()
    headers = {}
    for key, value in sorted(sent.headers.items()):
        if key.lower() != "content-length":
            headers[key] = value if isinstance(value, str) else value.decode()
    return {
        "operation": operation.name,
        "set": members,
        "leaves": fill.leaves,
        "method": sent.method,
        "url": sent.url.partition("localhost")[2],
        "headers": headers,
        "body": body.decode(),
    }


def write_requests(session):
    (HERE / "requests").mkdir(exist_ok=True)
    for package, service in SERVICES.items():
        model = session.get_service_model(service)
        for protocol in model.metadata.get("protocols", [model.metadata["protocol"]]):
            with open(HERE / "requests" / f"{package}.{protocol}.jsonl", "w", encoding="utf-8") as out:
                for name in sorted(set(model.operation_names) - LEFT_OUT.get(package, set())):
                    for members in ("all", "required"):
                        vector = request(protocol, model.operation_model(name), members)
                        out.write(json.dumps(vector, ensure_ascii=False, separators=(",", ":")) + "\n")


def snapshots(path):
    """Yields the sections of a snapshot: title, status, headers, body."""
    for section in re.split(r"^-- ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, body = section.partition("\n\n")
        title, status, *lines = head.split("\n")
        headers = botocore.awsrequest.HeadersDict(line.split(": ", 1) for line in lines)
        body = body.removesuffix("\n")
        if body.startswith("hex\n"):
            body = bytes.fromhex(body.removeprefix("hex\n"))
        else:
            body = body.encode()
        yield title.removesuffix(" --"), int(status), headers, body


class Raw:
    """The stream of a response."""

    def __init__(self, body):
        self.body = body

    def stream(self, *_args, **_kwargs):
        yield self.body

    def close(self):
        pass


def parse(protocol, operation, status, headers, body):
    """Parses a response as a client does, streams included."""
    response = {
        "headers": headers,
        "status_code": status,
        "body": Raw(body) if operation.has_event_stream_output else body,
        "context": {"operation_name": operation.name},
    }
    parsed = botocore.parsers.create_parser(protocol).parse(response, operation.output_shape)
    parsed.pop("ResponseMetadata", None)
    for name, value in parsed.items():
        if isinstance(value, botocore.eventstream.EventStream):
            parsed[name] = list(value)
        elif operation.has_streaming_output and name == operation.output_shape.serialization["payload"]:
            parsed[name] = body
    if operation.name == "GetBucketLocation":
        # No parser reads it; a handler of the client does.
        botocore.handlers.parse_get_bucket_location(parsed, types.SimpleNamespace(raw=body, content=body))
    return parsed


def expected(operation):
    fill = Filler()
    shape = operation.output_shape
    want = fill.structure(shape)
    if operation.has_event_stream_output:
        name = shape.event_stream_name
        kinds = shape.members[name].members
        want[name] = [{kind: fill.structure(m)} for kind, m in kinds.items() if not m.metadata.get("exception")]
    return want


def difference(want, got, path=""):
    """Yields what differs between two parsed values."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in want.keys() | got.keys():
            yield from difference(want.get(key, ABSENT), got.get(key, ABSENT), f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (a, b) in enumerate(zip(want, got)):
            yield from difference(a, b, f"{path}[{i}]")
    elif want != got:
        show = lambda x: "absent" if x is ABSENT else repr(x)
        yield f"{path}: want {show(want)}, got {show(got)}"


def check(session):
    bad = count = 0
    for package, service in SERVICES.items():
        model = session.get_service_model(service)
        for protocol in model.metadata.get("protocols", [model.metadata["protocol"]]):
            for title, status, headers, body in snapshots(HERE / "snapshots" / f"{package}.{protocol}.txt"):
                count += 1
                if title.startswith("error "):
                    differences = check_error(protocol, model, title.removeprefix("error "), status, headers, body)
                else:
                    operation = model.operation_model(title)
                    differences = difference(expected(operation), parse(protocol, operation, status, headers, body))
                for line in differences:
                    bad += 1
                    print(f"{package} {title} ({protocol}) {line}")
    print(f"{count} responses, {bad} differences")
    return bad


def check_error(protocol, model, name, status, headers, body):
    """Yields what differs between an error and what the client makes of it: its code, message and members."""
    shape = model.shape_for(name)
    code = shape.metadata.get("error", {}).get("code", name)
    if protocol in ("json", "rest-json"):
        code = name
    response = {"headers": headers, "status_code": status, "body": body}
    parser = botocore.parsers.create_parser(protocol)
    error = parser.parse(response, None)["Error"]
    if error["Code"] != code:
        yield f"code: want {code}, got {error['Code']}"
    if error.get("Message") != "Message of " + name:
        yield f"message: got {error.get('Message')}"
    modeled = parser.parse(response, shape)
    modeled.pop("ResponseMetadata", None)
    want = Filler().structure(shape)
    for key in list(want):
        if key.lower() == "message":
            want[key] = "Message of " + name
            if protocol == "query" and key == "message":
                del want[key]  # the protocol calls it Message, and the client does not look for it by that name
    yield from difference(want, modeled)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("-check", action="store_true")
    session = botocore.session.Session()
    if arguments.parse_args().check:
        sys.exit(check(session) > 0)
    write_requests(session)


if __name__ == "__main__":
    main()
