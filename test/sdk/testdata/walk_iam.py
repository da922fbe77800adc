"""Walks the paginators and the waiters of IAM, and what its reports tell.

The endpoint is AWS_ENDPOINT_URL's. Everything is made, found page by page with one item a page, and deleted again.
"""

import base64
import csv
import hashlib
import hmac
import io
import json
import pathlib
import struct
import time
import uuid

import boto3
import botocore.exceptions

iam = boto3.client("iam", region_name="us-east-1")
suffix = uuid.uuid4().hex[:8]
here = pathlib.Path(__file__).resolve()
keys = here.parents[2] / "terraform" / "testdata" / "iam"

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
READ = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:List*", "iam:Get*"], "Resource": "*"}]})
MANAGED = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"]
TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]


def name(text):
    return "walk-%s-%s" % (text, suffix)


def code(call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
    return ""


def walk(operation, result, want, key=lambda x: x, **args):
    """Walks a paginator with a page for each item and wants at least these items, each once."""
    found, pages = [], 0
    for page in iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **args):
        got = [key(x) for r in ([result] if isinstance(result, str) else result) for x in page.get(r, [])]
        assert len(got) <= 1, (operation, got)
        found += got
        pages += 1
    assert len(found) == len(set(found)), (operation, found)
    assert set(want) <= set(found), (operation, want, found)
    assert pages >= len(found), (operation, pages)


def totp(seed, at):
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


def by(field):
    return lambda x: x[field]


users, groups, roles, profiles = ([name(k + n) for n in "12"] for k in ("user", "group", "role", "profile"))
for u in users:
    iam.create_user(UserName=u, Path="/walk/", Tags=TAGS)
    iam.get_waiter("user_exists").wait(UserName=u, WaiterConfig={"Delay": 0})
for g in groups:
    iam.create_group(GroupName=g, Path="/walk/")
for r in roles:
    iam.create_role(RoleName=r, Path="/walk/", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
    iam.get_waiter("role_exists").wait(RoleName=r, WaiterConfig={"Delay": 0})
for p in profiles:
    iam.create_instance_profile(InstanceProfileName=p, Path="/walk/", Tags=TAGS)
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=p, WaiterConfig={"Delay": 0})
    iam.add_role_to_instance_profile(InstanceProfileName=p, RoleName=roles[0])
policies = [iam.create_policy(PolicyName=name("policy" + n), PolicyDocument=READ, Tags=TAGS)["Policy"]["Arn"] for n in "12"]
for p in policies:
    iam.get_waiter("policy_exists").wait(PolicyArn=p, WaiterConfig={"Delay": 0})
iam.create_policy_version(PolicyArn=policies[0], PolicyDocument=READ, SetAsDefault=True)

user, group, role = users[0], groups[0], roles[0]
for g in groups:
    iam.add_user_to_group(GroupName=g, UserName=user)
iam.add_user_to_group(GroupName=group, UserName=users[1])
for p in MANAGED:
    iam.attach_user_policy(UserName=user, PolicyArn=p)
    iam.attach_group_policy(GroupName=group, PolicyArn=p)
    iam.attach_role_policy(RoleName=role, PolicyArn=p)
for p in ("one", "two"):
    iam.put_user_policy(UserName=user, PolicyName=p, PolicyDocument=READ)
    iam.put_group_policy(GroupName=group, PolicyName=p, PolicyDocument=READ)
    iam.put_role_policy(RoleName=role, PolicyName=p, PolicyDocument=READ)
iam.attach_user_policy(UserName=users[1], PolicyArn=policies[0])
iam.attach_role_policy(RoleName=roles[1], PolicyArn=policies[0])
iam.attach_group_policy(GroupName=groups[1], PolicyArn=policies[0])
access = [iam.create_access_key(UserName=user)["AccessKey"] for _ in range(2)]
devices = [iam.create_virtual_mfa_device(VirtualMFADeviceName=name("device" + n), Tags=TAGS)["VirtualMFADevice"] for n in "12"]
now = time.time()
for d in devices:
    assert d["QRCodePNG"][:8] == b"\x89PNG\r\n\x1a\n"
    seed = d["Base32StringSeed"]
    wrong = dict(UserName=user, SerialNumber=d["SerialNumber"], AuthenticationCode1=totp(seed, now), AuthenticationCode2=totp(seed, now))
    assert code(iam.enable_mfa_device, **wrong) == "InvalidAuthenticationCode"
    iam.enable_mfa_device(UserName=user, SerialNumber=d["SerialNumber"], AuthenticationCode1=totp(seed, now - 30), AuthenticationCode2=totp(seed, now))
certificates = [name("certificate" + n) for n in "12"]
for c in certificates:
    iam.upload_server_certificate(ServerCertificateName=c, CertificateBody=(keys / "leaf.pem").read_text(), PrivateKey=(keys / "leaf.key").read_text(), Tags=TAGS)
signing = [iam.upload_signing_certificate(UserName=user, CertificateBody=(keys / f).read_text())["Certificate"]["CertificateId"] for f in ("leaf.pem", "root.pem")]
ssh = [iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=(keys / "ssh.pub").read_text())["SSHPublicKey"]["SSHPublicKeyId"]]
oidc = iam.create_open_id_connect_provider(Url="https://%s.example.com" % suffix, ClientIDList=["a"], ThumbprintList=["0" * 40], Tags=TAGS)["OpenIDConnectProviderArn"]
saml = iam.create_saml_provider(Name=name("saml"), SAMLMetadataDocument=(keys / "metadata.xml").read_text(), Tags=TAGS)["SAMLProviderArn"]
iam.create_account_alias(AccountAlias="alias-" + suffix)

walk("list_users", "Users", users, by("UserName"), PathPrefix="/walk/")
walk("list_groups", "Groups", groups, by("GroupName"), PathPrefix="/walk/")
walk("list_roles", "Roles", roles, by("RoleName"), PathPrefix="/walk/")
walk("list_instance_profiles", "InstanceProfiles", profiles, by("InstanceProfileName"), PathPrefix="/walk/")
walk("list_instance_profiles_for_role", "InstanceProfiles", profiles, by("InstanceProfileName"), RoleName=role)
walk("list_policies", "Policies", policies, by("Arn"), Scope="Local")
walk("list_policy_versions", "Versions", ["v1", "v2"], by("VersionId"), PolicyArn=policies[0])
walk("list_entities_for_policy", ["PolicyGroups", "PolicyUsers", "PolicyRoles"], [users[1], roles[1], groups[1]],
     lambda x: x.get("UserName") or x.get("RoleName") or x.get("GroupName"), PolicyArn=policies[0])
walk("get_group", "Users", users, by("UserName"), GroupName=group)
walk("list_groups_for_user", "Groups", groups, by("GroupName"), UserName=user)
for kind, args in (("user", {"UserName": user}), ("group", {"GroupName": group}), ("role", {"RoleName": role})):
    walk("list_attached_%s_policies" % kind, "AttachedPolicies", MANAGED, by("PolicyArn"), **args)
    walk("list_%s_policies" % kind, "PolicyNames", ["one", "two"], **args)
walk("list_access_keys", "AccessKeyMetadata", [k["AccessKeyId"] for k in access], by("AccessKeyId"), UserName=user)
walk("list_account_aliases", "AccountAliases", ["alias-" + suffix])
walk("list_mfa_devices", "MFADevices", [d["SerialNumber"] for d in devices], by("SerialNumber"), UserName=user)
walk("list_virtual_mfa_devices", "VirtualMFADevices", [d["SerialNumber"] for d in devices], by("SerialNumber"), AssignmentStatus="Assigned")
walk("list_server_certificates", "ServerCertificateMetadataList", certificates, by("ServerCertificateName"))
walk("list_signing_certificates", "Certificates", signing, by("CertificateId"), UserName=user)
walk("list_ssh_public_keys", "SSHPublicKeys", ssh, by("SSHPublicKeyId"), UserName=user)
for operation, args in (
    ("list_user_tags", {"UserName": user}), ("list_role_tags", {"RoleName": role}), ("list_policy_tags", {"PolicyArn": policies[0]}),
    ("list_instance_profile_tags", {"InstanceProfileName": profiles[0]}), ("list_mfa_device_tags", {"SerialNumber": devices[0]["SerialNumber"]}),
    ("list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": oidc}), ("list_saml_provider_tags", {"SAMLProviderArn": saml}),
    ("list_server_certificate_tags", {"ServerCertificateName": certificates[0]}),
):
    walk(operation, "Tags", ["a", "b"], by("Key"), **args)
walk("get_account_authorization_details", ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"], users + groups + roles + [name("policy1")],
     lambda x: x.get("UserName") or x.get("GroupName") or x.get("RoleName") or x.get("PolicyName"))
actions = ["iam:ListUsers", "iam:CreateUser"]
walk("simulate_custom_policy", "EvaluationResults", ["iam:ListUsers allowed", "iam:CreateUser implicitDeny"],
     lambda x: x["EvalActionName"] + " " + x["EvalDecision"], PolicyInputList=[READ], ActionNames=actions)
walk("simulate_principal_policy", "EvaluationResults", ["iam:ListUsers allowed", "iam:CreateUser implicitDeny"],
     lambda x: x["EvalActionName"] + " " + x["EvalDecision"], PolicySourceArn=iam.get_user(UserName=user)["User"]["Arn"], ActionNames=actions)

# What the user does shows in the reports.
as_user = boto3.client("iam", region_name="us-east-1", aws_access_key_id=access[0]["AccessKeyId"], aws_secret_access_key=access[0]["SecretAccessKey"])
as_user.list_users()
assert iam.get_access_key_last_used(AccessKeyId=access[0]["AccessKeyId"])["AccessKeyLastUsed"]["ServiceName"] == "iam"
job = iam.generate_service_last_accessed_details(Arn=iam.get_user(UserName=user)["User"]["Arn"], Granularity="ACTION_LEVEL")["JobId"]
for _ in range(100):
    report = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
    if report["JobStatus"] != "IN_PROGRESS":
        break
    time.sleep(0.1)
used = {s["ServiceNamespace"]: s for s in report["ServicesLastAccessed"]}
assert report["JobStatus"] == "COMPLETED" and used["iam"]["TotalAuthenticatedEntities"] == 1, report["JobStatus"]
assert [a["ActionName"] for a in used["iam"]["TrackedActionsLastAccessed"]] == ["ListUsers"]
entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")["EntityDetailsList"]
assert [e["EntityInfo"]["Name"] for e in entities] == [user]
granting = iam.list_policies_granting_service_access(Arn=iam.get_role(RoleName=role)["Role"]["Arn"], ServiceNamespaces=["iam"])
assert {p["PolicyName"] for p in granting["PoliciesGrantingServiceAccess"][0]["Policies"]} == {"ReadOnlyAccess", "IAMReadOnlyAccess", "one", "two"}
while iam.generate_credential_report()["State"] != "COMPLETE":
    time.sleep(0.1)
rows = {r["user"]: r for r in csv.DictReader(io.StringIO(iam.get_credential_report()["Content"].decode()))}
assert "<root_account>" in rows and rows[user]["mfa_active"] == "true" and rows[user]["access_key_2_active"] == "true", rows.get(user)

# Away with everything.
for d in devices:
    iam.deactivate_mfa_device(UserName=user, SerialNumber=d["SerialNumber"])
    iam.delete_virtual_mfa_device(SerialNumber=d["SerialNumber"])
for c in signing:
    iam.delete_signing_certificate(UserName=user, CertificateId=c)
for k in ssh:
    iam.delete_ssh_public_key(UserName=user, SSHPublicKeyId=k)
for k in access:
    iam.delete_access_key(UserName=user, AccessKeyId=k["AccessKeyId"])
for c in certificates:
    iam.delete_server_certificate(ServerCertificateName=c)
for g in groups:
    iam.remove_user_from_group(GroupName=g, UserName=user)
iam.remove_user_from_group(GroupName=group, UserName=users[1])
for p in MANAGED:
    iam.detach_user_policy(UserName=user, PolicyArn=p)
    iam.detach_group_policy(GroupName=group, PolicyArn=p)
    iam.detach_role_policy(RoleName=role, PolicyArn=p)
for p in ("one", "two"):
    iam.delete_user_policy(UserName=user, PolicyName=p)
    iam.delete_group_policy(GroupName=group, PolicyName=p)
    iam.delete_role_policy(RoleName=role, PolicyName=p)
iam.detach_user_policy(UserName=users[1], PolicyArn=policies[0])
iam.detach_role_policy(RoleName=roles[1], PolicyArn=policies[0])
iam.detach_group_policy(GroupName=groups[1], PolicyArn=policies[0])
for p in profiles:
    iam.remove_role_from_instance_profile(InstanceProfileName=p, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=p)
iam.delete_policy_version(PolicyArn=policies[0], VersionId="v1")
for p in policies:
    iam.delete_policy(PolicyArn=p)
for u in users:
    iam.delete_user(UserName=u)
for g in groups:
    iam.delete_group(GroupName=g)
for r in roles:
    iam.delete_role(RoleName=r)
iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=oidc)
iam.delete_saml_provider(SAMLProviderArn=saml)
iam.delete_account_alias(AccountAlias="alias-" + suffix)
assert code(iam.get_user, UserName=user) == "NoSuchEntity"
