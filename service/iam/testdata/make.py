"""Makes the keys and certificates of the tests, once. They last a hundred years."""
import datetime, pathlib
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

here = pathlib.Path(__file__).parent
PEM, PKCS8, PKCS1, NONE = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()

def name(cn): return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])

def issue(cn, key, issuer, issuer_key, ca, until=2120):
    return (x509.CertificateBuilder().subject_name(name(cn)).issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(until, 1, 1))
            .add_extension(x509.BasicConstraints(ca, None), True).sign(issuer_key, hashes.SHA256()))

root, inter, leaf = (rsa.generate_private_key(65537, 2048) for _ in range(3))
curve = ec.generate_private_key(ec.SECP256R1())
root_cert = issue("root", root, name("root"), root, True)
inter_cert = issue("intermediate", inter, name("root"), root, True)
pem = lambda c: c.public_bytes(PEM).decode()
(here / "root.pem").write_text(pem(root_cert))
(here / "intermediate.pem").write_text(pem(inter_cert))
(here / "leaf.pem").write_text(pem(issue("www.example.com", leaf, name("intermediate"), inter, False)))
(here / "leaf.key").write_text(leaf.private_bytes(PEM, PKCS1, NONE).decode())
(here / "curve.pem").write_text(pem(issue("ec.example.com", curve, name("intermediate"), inter, False)))
(here / "curve.key").write_text(curve.private_bytes(PEM, PKCS8, NONE).decode())
(here / "expired.pem").write_text(pem(issue("old.example.com", leaf, name("intermediate"), inter, False, 2021)))
(here / "ssh.pub").write_bytes(leaf.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH) + b" alice@example\n")
(here / "ssh.pem").write_bytes(leaf.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
(here / "ed25519.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl x\n")
