"""Opens sessions in all ways that need no SAML: of roles, with a second factor, with an issuer's token, of users.

STS has neither paginators nor waiters. The endpoint is AWS_ENDPOINT_URL's. The issuer runs in this process, and signs with
RSA as the textbooks have it, so that nothing has to be installed.
"""

import base64
import hashlib
import hmac
import http.server
import json
import struct
import threading
import time
import uuid

import boto3
import botocore
import botocore.config
import botocore.exceptions

# A key for tests.
N = int(
    "a0c1d47b466e098091ad92c602198c03ba2a86defa8f5167b4ea14564b5a13196e16193c08b25e02bfc33e7ec58fc97d1d1b56051038835190f20c8d"
    "112425d9280ff7cf7f90888a9cfb94bc8ce9a2a4f956bb58fc68cf40e3b97b3f5bcf758386b9b95347a461f9b884474a84b8f2f6f3f91f68d6a42e60"
    "232da5ee42b62cc77506183c3cdd62418a59f2fed51a6d4de7bb69fef6b9566953b1340b6d467607f13062bc3bf3697a47f9f088e2a8b57db8d86350"
    "9dc462a987b4f28c0897e13cb435050a18b670c77fedbcf18cd2abdd009d88c7042cc944abb5ddb8fa7d5b831c68b8f689b7461513f0d38a6343c72a"
    "9f0f64bdfdf3172d33214d9aebe78a8f", 16)
D = int(
    "182c37f08c2d4d0326e4b171522cd7ea523ac57fba0585a42686c6fac2e739d555171596fabd22231fb012dc5530c3322bb249ee5ba60e7906bbf439"
    "dcc8a6b84f57375832ed0a306db296dc5359690f8d94067a8c59e6459cf8986e75366e3692325335114cc7e96e5ed5a9803e49ffeb127185538be9e7"
    "f8378baa96cacb53658557569aa00401d8df9acd7c222a198f236148810741cc41e97cb1fcb42a6afade98287e88fa02112e73315d4b488fdf89c0ba"
    "af43d1742c2e7daa2447cbdf85791a2881db9db66670f682bbf54e87fe26c5fa5d7ca558e85e75fa3819073966a73e08ded27594ac2e60feb4fe884a"
    "e0a8964ee227eb04e4c05e2cca1d4941", 16)

suffix = uuid.uuid4().hex[:8]
iam = boto3.client("iam", region_name="us-east-1")
sts = boto3.client("sts", region_name="us-east-1")
anyone = boto3.client("sts", region_name="us-east-1", config=botocore.config.Config(signature_version=botocore.UNSIGNED))
account = sts.get_caller_identity()["Account"]
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def name(text):
    return "walk-%s-%s" % (text, suffix)


def code(call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
    return ""


def client(service, credentials):
    return boto3.client(service, region_name="us-east-1", aws_access_key_id=credentials["AccessKeyId"],
                        aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials.get("SessionToken"))


def trust(action, principal, condition=None):
    statement = {"Effect": "Allow", "Action": action, "Principal": principal}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n):
    return b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        documents = {
            "/.well-known/openid-configuration": {"issuer": url, "jwks_uri": url + "/keys"},
            "/keys": {"keys": [{"kty": "RSA", "use": "sig", "kid": "k", "alg": "RS256", "n": number(N), "e": number(65537)}]},
        }
        body = json.dumps(documents.get(self.path, {})).encode()
        self.send_response(200 if self.path in documents else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
threading.Thread(target=server.serve_forever, daemon=True).start()
host = "127.0.0.1:%d" % server.server_port
url = "http://" + host


def token(**claims):
    now = int(time.time())
    body = dict({"iss": url, "sub": "repo:org/app:ref:refs/heads/main", "aud": "sts.amazonaws.com", "iat": now, "exp": now + 300}, **claims)
    text = b64(json.dumps({"alg": "RS256", "kid": "k"}).encode()) + "." + b64(json.dumps(body).encode())
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text.encode()).digest()
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(digest)) + b"\0" + digest
    return text + "." + b64(pow(int.from_bytes(padded, "big"), D, N).to_bytes(256, "big"))


def totp(seed, at):
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


# With an issuer's token.
provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
assert provider.endswith(":oidc-provider/" + host), provider
ci = iam.create_role(RoleName=name("ci"), AssumeRolePolicyDocument=trust("sts:AssumeRoleWithWebIdentity", {"Federated": provider},
    {"StringEquals": {host + ":aud": "sts.amazonaws.com"}, "StringLike": {host + ":sub": "repo:org/app:*"}}))["Role"]["Arn"]
iam.attach_role_policy(RoleName=name("ci"), PolicyArn=ADMIN)


def web(text):
    return dict(RoleArn=ci, RoleSessionName="build", WebIdentityToken=text)


out = anyone.assume_role_with_web_identity(**web(token()))
assert out["Provider"] == provider and out["Audience"] == "sts.amazonaws.com" and out["SubjectFromWebIdentityToken"].startswith("repo:org/app"), out
assert client("sts", out["Credentials"]).get_caller_identity()["Arn"] == "arn:aws:sts::%s:assumed-role/%s/build" % (account, name("ci"))
client("iam", out["Credentials"]).list_roles()
assert code(anyone.assume_role_with_web_identity, **web(token(sub="repo:org/other"))) == "AccessDenied"
assert code(anyone.assume_role_with_web_identity, **web(token(aud="other"))) == "InvalidIdentityToken"
assert code(anyone.assume_role_with_web_identity, **web(token(exp=int(time.time()) - 1))) == "ExpiredTokenException"
good = token()
assert code(anyone.assume_role_with_web_identity, **web(good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"))) == "InvalidIdentityToken"
assert code(anyone.assume_role_with_web_identity, **web("no token")) == "InvalidIdentityToken"
saml = dict(RoleArn=ci, PrincipalArn="arn:aws:iam::%s:saml-provider/none" % account, SAMLAssertion=base64.b64encode(b"<x/>").decode())
assert code(anyone.assume_role_with_saml, **saml) == "InvalidIdentityToken"

# With keys of a user, and with its second factor.
user = iam.create_user(UserName=name("user"))["User"]["Arn"]
iam.put_user_policy(UserName=name("user"), PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    {"Effect": "Allow", "Action": ["sts:GetFederationToken", "sts:GetAccessKeyInfo"], "Resource": "*"}]}))
key = iam.create_access_key(UserName=name("user"))["AccessKey"]
device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name("device"))["VirtualMFADevice"]
serial, seed = device["SerialNumber"], device["Base32StringSeed"]
now = time.time()
iam.enable_mfa_device(UserName=name("user"), SerialNumber=serial, AuthenticationCode1=totp(seed, now - 60), AuthenticationCode2=totp(seed, now - 30))
strict = iam.create_role(RoleName=name("strict"), AssumeRolePolicyDocument=trust("sts:AssumeRole", {"AWS": user},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}}))["Role"]["Arn"]
as_user = client("sts", key)
role = dict(RoleArn=strict, RoleSessionName="s1")
assert code(as_user.assume_role, **role) == "AccessDenied"
assert code(as_user.assume_role, SerialNumber=serial, TokenCode="000000", **role) == "AccessDenied"
first = totp(seed, time.time())
as_user.assume_role(SerialNumber=serial, TokenCode=first, **role)
assert code(as_user.assume_role, SerialNumber=serial, TokenCode=first, **role) == "AccessDenied", "a code counts twice"
strong = as_user.get_session_token(SerialNumber=serial, TokenCode=totp(seed, time.time() + 30))["Credentials"]
client("iam", strong).list_users()
client("sts", strong).assume_role(**role)
plain = as_user.get_session_token()["Credentials"]
assert code(client("iam", plain).list_users) == "AccessDenied"
assert as_user.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
federated = as_user.get_federation_token(Name="guest", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
assert client("sts", federated["Credentials"]).get_caller_identity()["Arn"].endswith(":federated-user/guest")

# Away with everything.
iam.deactivate_mfa_device(UserName=name("user"), SerialNumber=serial)
iam.delete_virtual_mfa_device(SerialNumber=serial)
iam.delete_access_key(UserName=name("user"), AccessKeyId=key["AccessKeyId"])
iam.delete_user_policy(UserName=name("user"), PolicyName="p")
iam.delete_user(UserName=name("user"))
iam.detach_role_policy(RoleName=name("ci"), PolicyArn=ADMIN)
for r in ("ci", "strict"):
    iam.delete_role(RoleName=name(r))
iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
server.shutdown()
