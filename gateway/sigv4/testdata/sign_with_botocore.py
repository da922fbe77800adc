"""Writes botocore.json: requests signed by botocore with a fixed key and time, as they go over the wire."""
import datetime, json, hashlib
from unittest import mock
from urllib.parse import urlsplit
import botocore.auth
from botocore.auth import *
from botocore.awsrequest import AWSRequest, prepare_request_dict
from botocore.credentials import Credentials

AT = datetime.datetime(2026, 3, 14, 15, 9, 26, tzinfo=datetime.timezone.utc)
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/specials=="

def build(name, signer, method, url, service, headers=None, body=b"", token=None, context=None, expires=None):
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token)
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    request.context.update(context or {})
    args = [credentials, service, "eu-central-1"] + ([expires] if expires else [])
    with mock.patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: AT.replace(tzinfo=None) if remove_tzinfo else AT):
        signer(*args).add_auth(request)
    parts = urlsplit(request.url)
    target = request.url[len(parts.scheme) + 3 + len(parts.netloc):] or "/"
    sent = [["Host", parts.netloc]] + [[k, v if isinstance(v, str) else v.decode()] for k, v in request.headers.items() if k.lower() != "host"]
    return {"name": name, "service": service, "method": method, "target": target, "headers": sent, "body": body.decode(), "token": token or ""}

S3 = {"payload_signing_enabled": True}
bucket = "https://bucket.s3.eu-central-1.amazonaws.com"
post = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
cases = [
    build("json", SigV4Auth, "POST", "https://sqs.eu-central-1.amazonaws.com/", "sqs", post, b'{"QueueUrl":"q"}'),
    build("json with token", SigV4Auth, "POST", "https://sqs.eu-central-1.amazonaws.com/", "sqs", post, b"{}", TOKEN),
    build("port", SigV4Auth, "POST", "http://localhost:4566/", "sqs", post, b"{}"),
    build("default port", SigV4Auth, "POST", "http://localhost:80/", "sqs", post, b"{}"),
    build("query body", SigV4Auth, "POST", "https://sts.amazonaws.com/", "sts",
          {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, b"Action=GetCallerIdentity&Version=2011-06-15"),
    build("escaped label", SigV4Auth, "GET", "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Af/policy?Qualifier=%24LATEST", "lambda"),
    build("dots", SigV4Auth, "GET", "https://execute-api.eu-central-1.amazonaws.com/a/./b//c/../d/?b=2&a=1&a=0&empty", "execute-api"),
    build("odd query", SigV4Auth, "GET", "https://execute-api.eu-central-1.amazonaws.com/x?q=a%20b&Z=%C3%A9&a-=1&a=2", "execute-api"),
    build("sts presigned", SigV4QueryAuth, "GET", "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", "sts",
          {"x-k8s-aws-id": "cluster"}, expires=60, token=TOKEN),
]
for label, key in [("plain", "/key.txt"), ("space", "/a%20b"), ("plus", "/a%2Bb"), ("slash", "/a%2Fb"), ("double slash", "/a//b"),
                   ("dots", "/a/../b/./c"), ("unicode", "/%C3%A9/%E6%97%A5"), ("tilde", "/~a"), ("specials", "/%21%27%28%29%2A%3A%40%26%3D%24%2C%3B"),
                   ("literal specials", "/!'()*:@&=$,;")]:
    cases.append(build("s3 get " + label, S3SigV4Auth, "GET", bucket + key, "s3", context=S3))
    cases.append(build("s3 presigned " + label, S3SigV4QueryAuth, "GET", bucket + key + "?versionId=a%2Bb", "s3", expires=3600))
cases += [
    build("s3 list", S3SigV4Auth, "GET", bucket + "/?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&acl", "s3"),
    build("s3 put", S3SigV4Auth, "PUT", bucket + "/key", "s3", {"x-amz-meta-a": "  two   words ", "Content-Type": "text/plain"}, b"content", context=S3),
    build("s3 put presigned with token", S3SigV4QueryAuth, "PUT", bucket + "/key", "s3", {"x-amz-acl": "private"}, b"", TOKEN, expires=604800),
]
form = AWSRequest(method="POST", url=bucket, data=b"")
form.context["s3-presign-post-fields"] = {"key": "up/${filename}", "acl": "private"}
form.context["s3-presign-post-policy"] = {"expiration": "2026-03-14T16:09:26Z", "conditions": [
    {"bucket": "bucket"}, ["starts-with", "$key", "up/"], {"acl": "private"}, ["content-length-range", 1, 1000]]}
with mock.patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: AT.replace(tzinfo=None)):
    S3SigV4PostAuth(Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", TOKEN), "s3", "eu-central-1").add_auth(form)
json.dump({"requests": cases, "form": form.context["s3-presign-post-fields"], "token": TOKEN}, open("testdata/botocore.json", "w"), indent=1)
