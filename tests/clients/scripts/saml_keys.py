"""Writes a key and a self-signed certificate for a SAML service provider: NAME.key and NAME.crt in FOLDER."""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

folder, *names = sys.argv[1:]
now = datetime.datetime.now(datetime.timezone.utc)
for name in names:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    pathlib.Path(folder, f"{name}.key").write_bytes(private)
    pathlib.Path(folder, f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
