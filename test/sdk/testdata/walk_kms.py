"""Walks KMS with boto3: every paginator, and what the API does between client and key.

KMS has no waiters. The endpoint comes from AWS_ENDPOINT_URL, credentials and region from the environment.
"""

import hashlib
import hmac
import os

import boto3
from botocore.exceptions import ClientError

kms = boto3.client("kms")
west = boto3.client("kms", region_name="us-west-2")
prefix = "alias/walk-kms-" + os.urandom(4).hex() + "-"


def refused(code, call, **arguments):
    """Calls an operation that has to be refused with an error code."""
    try:
        call(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        return e.response["Error"].get("Message", "")
    raise AssertionError(f"{arguments} was not refused with {code}")


def pages(name, size, **arguments):
    """Returns the pages of a paginator."""
    return list(kms.get_paginator(name).paginate(PaginationConfig={"PageSize": size}, **arguments))


def entries(name, key, size, **arguments):
    """Returns the entries on all pages of a paginator, of which there must be several."""
    found = pages(name, size, **arguments)
    assert len(found) > 1, (name, found)
    assert all(len(p[key]) <= size for p in found), (name, found)
    return [e for p in found for e in p[key]]


def der(data):
    """Returns the content of a DER value, and what comes behind it."""
    size, at = data[1], 2
    if size & 128:
        at += size & 127
        size = int.from_bytes(data[2:at])
    return data[at:at + size], data[at + size:]


def rsa_oaep(public, message):
    """Encrypts under an RSA public key (SubjectPublicKeyInfo) by OAEP with SHA-256."""
    key = der(der(der(der(public)[0])[1])[0][1:])[0]
    modulus, rest = der(key)
    n, e = int.from_bytes(modulus), int.from_bytes(der(rest)[0])
    size = (n.bit_length() + 7) // 8
    mask = lambda seed, length: b"".join(hashlib.sha256(seed + i.to_bytes(4)).digest() for i in range(length // 32 + 1))[:length]
    xor = lambda a, b: bytes(x ^ y for x, y in zip(a, b))
    block = hashlib.sha256().digest() + bytes(size - len(message) - 66) + b"\1" + message
    seed = os.urandom(32)
    block = xor(block, mask(seed, len(block)))
    text = b"\0" + xor(seed, mask(block, 32)) + block
    return pow(int.from_bytes(text), e, n).to_bytes(size)


# Keys and their aliases, grants, tags and rotations, a few on a page.
keys = [kms.create_key(Description=f"walk {i}")["KeyMetadata"] for i in range(3)]
first = keys[0]["KeyId"]
assert {k["KeyId"] for k in keys} <= {e["KeyId"] for e in entries("list_keys", "Keys", 2)}

for i in range(5):
    kms.create_alias(AliasName=f"{prefix}{i}", TargetKeyId=first)
names = [a["AliasName"] for a in entries("list_aliases", "Aliases", 2, KeyId=first)]
assert names == [f"{prefix}{i}" for i in range(5)], names
every = [a["AliasName"] for a in entries("list_aliases", "Aliases", 7)]
assert every == sorted(every) and set(names) < set(every) and "alias/aws/s3" in every, every
kms.update_alias(AliasName=prefix + "0", TargetKeyId=keys[1]["KeyId"])
assert kms.describe_key(KeyId=prefix + "0")["KeyMetadata"]["KeyId"] == keys[1]["KeyId"]

account = keys[0]["AWSAccountId"]
grantee = f"arn:aws:iam::{account}:root"
grants = [
    kms.create_grant(KeyId=first, GranteePrincipal=grantee, RetiringPrincipal=grantee, Operations=["Decrypt"], Name=f"g{i}") for i in range(3)
]
assert {g["GrantId"] for g in entries("list_grants", "Grants", 2, KeyId=first)} == {g["GrantId"] for g in grants}
retirable = {g["GrantId"] for g in entries("list_retirable_grants", "Grants", 2, RetiringPrincipal=grantee)}
assert {g["GrantId"] for g in grants} <= retirable
kms.retire_grant(GrantToken=grants[0]["GrantToken"])
kms.revoke_grant(KeyId=first, GrantId=grants[1]["GrantId"])
assert [g["Name"] for g in kms.list_grants(KeyId=first)["Grants"]] == ["g2"]

kms.tag_resource(KeyId=first, Tags=[{"TagKey": f"t{i}", "TagValue": str(i)} for i in range(5)])
kms.untag_resource(KeyId=first, TagKeys=["t4"])
assert [t["TagKey"] for t in entries("list_resource_tags", "Tags", 3, KeyId=first)] == ["t0", "t1", "t2", "t3"]

secret = kms.encrypt(KeyId=first, Plaintext=b"before", EncryptionContext={"a": "1"})
for _ in range(3):
    kms.rotate_key_on_demand(KeyId=first)
rotations = entries("list_key_rotations", "Rotations", 2, KeyId=first)
assert [r["RotationType"] for r in rotations] == ["ON_DEMAND"] * 3, rotations
kms.enable_key_rotation(KeyId=first, RotationPeriodInDays=120)
status = kms.get_key_rotation_status(KeyId=first)
assert status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 120, status

assert [n for p in pages("list_key_policies", 1, KeyId=first) for n in p["PolicyNames"]] == ["default"]
assert [s for p in pages("describe_custom_key_stores", 10) for s in p["CustomKeyStores"]] == []

# What was encrypted before the rotations is read; a wrong encryption context reads nothing.
assert kms.decrypt(CiphertextBlob=secret["CiphertextBlob"], EncryptionContext={"a": "1"})["Plaintext"] == b"before"
refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=secret["CiphertextBlob"])
moved = kms.re_encrypt(CiphertextBlob=secret["CiphertextBlob"], SourceEncryptionContext={"a": "1"}, DestinationKeyId=keys[2]["KeyId"])
assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["KeyId"] == keys[2]["Arn"]
data = kms.generate_data_key(KeyId=first, KeySpec="AES_256")
assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"] and len(data["Plaintext"]) == 32
refused("DryRunOperationException", kms.generate_data_key, KeyId=first, KeySpec="AES_256", DryRun=True)
assert len(kms.generate_random(NumberOfBytes=24)["Plaintext"]) == 24

# Pairs, authentication codes and agreement, of every spec.
for spec in ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"]:
    pair = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert len(kms.get_public_key(KeyId=pair["KeyId"])["PublicKey"]) > 80
    for algorithm in pair["SigningAlgorithms"]:
        signed = kms.sign(KeyId=pair["KeyId"], Message=b"m", SigningAlgorithm=algorithm)["Signature"]
        assert kms.verify(KeyId=pair["KeyId"], Message=b"m", SigningAlgorithm=algorithm, Signature=signed)["SignatureValid"]
        refused("KMSInvalidSignatureException", kms.verify, KeyId=pair["KeyId"], Message=b"n", SigningAlgorithm=algorithm, Signature=signed)
    kms.schedule_key_deletion(KeyId=pair["KeyId"], PendingWindowInDays=7)
for bits in (224, 256, 384, 512):
    key = kms.create_key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    mac = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm=f"HMAC_SHA_{bits}")["Mac"]
    assert kms.verify_mac(KeyId=key, Message=b"m", MacAlgorithm=f"HMAC_SHA_{bits}", Mac=mac)["MacValid"]
one, two = (kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"] for _ in range(2))
shared = [
    kms.derive_shared_secret(KeyId=mine, KeyAgreementAlgorithm="ECDH", PublicKey=kms.get_public_key(KeyId=other)["PublicKey"])["SharedSecret"]
    for mine, other in ((one, two), (two, one))
]
assert hmac.compare_digest(*shared)

# A key of two regions, and one whose material is imported.
regions = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
blob = kms.encrypt(KeyId=regions, Plaintext=b"everywhere")["CiphertextBlob"]
kms.replicate_key(KeyId=regions, ReplicaRegion="us-west-2")
assert west.decrypt(CiphertextBlob=blob)["Plaintext"] == b"everywhere"
external = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
assert external["KeyState"] == "PendingImport", external
parameters = kms.get_parameters_for_import(KeyId=external["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
kms.import_key_material(
    KeyId=external["KeyId"], ImportToken=parameters["ImportToken"], ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    EncryptedKeyMaterial=rsa_oaep(parameters["PublicKey"], hashlib.sha256(b"material").digest()),
)
kms.encrypt(KeyId=external["KeyId"], Plaintext=b"x")

# States, and the errors that tell of them.
kms.disable_key(KeyId=first)
refused("DisabledException", kms.encrypt, KeyId=first, Plaintext=b"x")
kms.enable_key(KeyId=first)
kms.schedule_key_deletion(KeyId=first, PendingWindowInDays=7)
message = refused("KMSInvalidStateException", kms.encrypt, KeyId=first, Plaintext=b"x")
assert message == keys[0]["Arn"] + " is pending deletion.", message
kms.cancel_key_deletion(KeyId=first)
assert kms.describe_key(KeyId=first)["KeyMetadata"]["KeyState"] == "Disabled"
refused("NotFoundException", kms.describe_key, KeyId="1234abcd-12ab-34cd-56ef-1234567890ab")
refused("AccessDeniedException", kms.schedule_key_deletion, KeyId=kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"])
