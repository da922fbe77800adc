"""Makes the test vectors with lxml and signxml, which share no code with drydock. Needs: pip install lxml signxml."""
import base64, datetime, json, pathlib
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods
from signxml.algorithms import SignatureMethod, DigestAlgorithm

here = pathlib.Path(__file__).parent
ds = here.parent.parent / "xmldsig" / "testdata"

# Canonical forms.
documents = [
    '<a/>',
    '<a b="1" a="2" xmlns="urn:x" xmlns:z="urn:z" z:c="3"><b/><z:d xmlns:z="urn:z"/></a>',
    '<r xmlns:a="urn:1" xmlns:b="urn:2"><a:x b:y="1" a:y="2" z="&#9;&#10;&#13;&quot;&lt;&amp;">t &amp; &lt; &gt; &#13;</a:x></r>',
    '<r xmlns="urn:d"><x xmlns=""><y xmlns="urn:d"/></x><!-- gone --><z>a<!-- b -->c<![CDATA[<&>]]></z></r>',
    '<a:r xmlns:a="urn:1" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<a:v xsi:type="xs:string" xml:lang="en">x</a:v>\n  <a:w/></a:r>',
    '<n1:a xmlns:n1="urn:n"><n2:b xmlns:n2="urn:n"><n1:c n2:q="1" n1:p="2"/></n2:b></n1:a>',
]
out = []
for text in documents:
    root = etree.fromstring(text.encode())
    for prefixes in [[], ["xs"], ["#default", "a"]]:
        for path, e in [("", root)] + [(str(i), c) for i, c in enumerate(root) if isinstance(c.tag, str)]:
            if path and "#default" in prefixes:
                continue  # lxml takes a child out of its document first, and its default namespace is lost
            form = etree.tostring(e, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None)
            out.append({"document": text, "child": path, "inclusive": prefixes, "canonical": form.decode()})
(ds / "canonical.json").write_text(json.dumps(out, indent=1) + "\n")

# Keys and certificates of an identity provider, and of another one.
def load(name, make):
    file = here / (name + ".key.pem")
    if not file.exists():
        file.write_bytes(make().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    cert = here / (name + ".cert.pem")
    if not cert.exists():
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name + ".example.com")])
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
                .not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2120, 1, 1)).sign(key, hashes.SHA256()))
        cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key, cert.read_bytes()

idp, idp_cert = load("idp", lambda: rsa.generate_private_key(65537, 2048))
foreign, foreign_cert = load("foreign", lambda: rsa.generate_private_key(65537, 2048))
curve, curve_cert = load("curve", lambda: ec.generate_private_key(ec.SECP256R1()))
secret, _ = load("decrypt", lambda: rsa.generate_private_key(65537, 2048))

def body(pem):
    return "".join(pem.decode().split("\n")[1:-2])

(here / "metadata.xml").write_text(f'''<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com/adfs/services/trust">
  <md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body(idp_cert)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:KeyDescriptor use="encryption"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body(foreign_cert)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body(curve_cert)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/adfs/ls/"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
''')

ASSERTION = '''<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_assertion" IssueInstant="2026-01-02T03:04:00Z" Version="2.0">
<saml:Issuer>https://idp.example.com/adfs/services/trust</saml:Issuer>
<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">CORP\\alice</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-01-02T03:09:00Z" Recipient="https://signin.aws.amazon.com/saml"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="2026-01-02T03:03:00Z" NotOnOrAfter="2026-01-02T04:04:00Z"><saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="2026-01-02T03:04:00Z" SessionNotOnOrAfter="2026-01-02T07:04:00Z"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement><saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><saml:AttributeValue xsi:type="xs:string">alice@example.com</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><saml:AttributeValue>arn:aws:iam::111122223333:role/ADFS-Dev,arn:aws:iam::111122223333:saml-provider/ADFS</saml:AttributeValue><saml:AttributeValue>arn:aws:iam::111122223333:saml-provider/ADFS,arn:aws:iam::111122223333:role/ADFS-Ops</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/PrincipalTag:Team"><saml:AttributeValue>blue</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>
</saml:Assertion>'''
RESPONSE = '''<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" IssueInstant="2026-01-02T03:04:00Z" Version="2.0">
<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{}</samlp:Response>'''

class Old(XMLSigner):
    def check_deprecated_methods(self):
        pass

def sign(root, id, key, cert, signature, digest):
    s = Old(method=methods.enveloped, signature_algorithm=signature, digest_algorithm=digest, c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
    return s.sign(root, key=key, cert=cert.decode(), reference_uri="#" + id, id_attribute="ID")

def assertion(key, cert, signature, digest):
    return etree.tostring(sign(etree.fromstring(ASSERTION), "_assertion", key, cert, signature, digest)).decode()

M, D = SignatureMethod, DigestAlgorithm
for name, key, cert, m, d in [
    ("sha1", idp, idp_cert, M.RSA_SHA1, D.SHA1), ("sha256", idp, idp_cert, M.RSA_SHA256, D.SHA256), ("sha384", idp, idp_cert, M.RSA_SHA384, D.SHA384),
    ("sha512", idp, idp_cert, M.RSA_SHA512, D.SHA512), ("ecdsa", curve, curve_cert, M.ECDSA_SHA256, D.SHA256), ("foreign", foreign, foreign_cert, M.RSA_SHA256, D.SHA256),
]:
    (here / f"assertion-{name}.xml").write_text(RESPONSE.format(assertion(key, cert, m, d)))
whole = sign(etree.fromstring(RESPONSE.format(ASSERTION)), "_response", idp, idp_cert, M.RSA_SHA256, D.SHA256)
(here / "response-sha256.xml").write_bytes(etree.tostring(whole))
both = sign(etree.fromstring(RESPONSE.format(assertion(idp, idp_cert, M.RSA_SHA256, D.SHA256))), "_response", idp, idp_cert, M.RSA_SHA256, D.SHA256)
(here / "both-sha256.xml").write_bytes(etree.tostring(both))

# Encrypted assertions.
def encrypted(plain, algorithm, size, oaep):
    k, iv = b"k" * size, b"v" * (12 if "gcm" in algorithm else 16)
    if "gcm" in algorithm:
        sealed = iv + AESGCM(k).encrypt(iv, plain, None)
    else:
        pad = 16 - len(plain) % 16
        e = Cipher(algorithms.AES(k), modes.CBC(iv)).encryptor()
        sealed = iv + e.update(plain + b"\0" * (pad - 1) + bytes([pad])) + e.finalize()
    if oaep == "sha1":
        method = '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>'
        wrapped = secret.public_key().encrypt(k, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    else:
        method = ('<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
                  '<xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod>')
        wrapped = secret.public_key().encrypt(k, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    b = lambda x: base64.b64encode(x).decode()
    return (f'<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">'
            f'<xenc:EncryptionMethod Algorithm="{algorithm}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>{method}<xenc:CipherData><xenc:CipherValue>{b(wrapped)}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>'
            f'<xenc:CipherData><xenc:CipherValue>{b(sealed)}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>')

signed = assertion(idp, idp_cert, M.RSA_SHA256, D.SHA256).encode()
(here / "encrypted-cbc.xml").write_text(RESPONSE.format(encrypted(signed, "http://www.w3.org/2001/04/xmlenc#aes256-cbc", 32, "sha1")))
(here / "encrypted-gcm.xml").write_text(RESPONSE.format(encrypted(signed, "http://www.w3.org/2009/xmlenc11#aes128-gcm", 16, "sha256")))
