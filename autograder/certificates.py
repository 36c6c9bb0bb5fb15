"""The certificates of a cluster: ``python -m autograder certificates``.

An authority of the course's own signs one certificate for the scheduler, one for the workers and one for whoever
grades. dask asks of the other side a certificate of this authority and nothing else: no name of a machine. So a key
from this folder is membership of the cluster.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from autograder import messages
from autograder.course import CourseError

FOLDER = "certificates"
VARIABLE = "DOWN_AND_UP_CERTIFICATES"
DAYS = 365
ROLES = ("scheduler", "worker", "client")
USES = (  # what a key can be for; cryptography wants a word on each
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def folder(named: Path | None = None) -> Path:
    """The folder of the certificates: the one that is named, else the variable's, else ./certificates."""
    return (named or Path(os.environ.get(VARIABLE, "") or FOLDER)).absolute()


def files(folder: Path, role: str) -> tuple[Path, Path, Path]:
    """The authority's certificate, a role's own, and its key. Errors: CourseError where one is missing."""
    found = folder / "ca.pem", folder / f"{role}.pem", folder / f"{role}-key.pem"
    for path in found:
        if not path.is_file():
            raise CourseError(messages.NO_CERTIFICATE.format(path=path))
    return found


def make(folder: Path) -> None:
    """Makes the authority and the three certificates. Errors: CourseError where there are some already, OSError."""
    try:
        from cryptography import x509
    except ImportError:
        raise CourseError(messages.NO_DASK) from None
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if folder.is_dir() and any(folder.glob("*.pem")):
        raise CourseError(messages.CERTIFICATES_THERE.format(folder=folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)

    def named(role: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"down-and-up {role}")])

    def begun(role: str, key: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(named(role))
            .issuer_name(named("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # clocks differ
            .not_valid_after(now + timedelta(days=DAYS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        )

    def usage(**signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(**dict.fromkeys(USES, False) | signs)

    authority = ec.generate_private_key(ec.SECP256R1())
    built = begun("authority", authority).add_extension(x509.BasicConstraints(True, 0), critical=True)
    built = built.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
    _write(folder, "ca", built.sign(authority, hashes.SHA256()), authority)
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        # A client only ever calls. Its certificate cannot stand for a scheduler's or a worker's.
        ends = [ExtendedKeyUsageOID.CLIENT_AUTH] + [ExtendedKeyUsageOID.SERVER_AUTH] * (role != "client")
        built = begun(role, key).add_extension(x509.BasicConstraints(False, None), critical=True)
        built = built.add_extension(usage(digital_signature=True), critical=True)
        built = built.add_extension(x509.ExtendedKeyUsage(ends), critical=False)
        _write(folder, role, built.sign(authority, hashes.SHA256()), key)


def _write(folder: Path, name: str, certificate: Any, key: Any) -> None:
    """Writes a certificate that everybody may read, and its key, which only its owner may."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(os.open(folder / f"{name}-key.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def made(named: Path | None) -> str:
    """Makes the certificates; returns what to do with them. Errors: CourseError, OSError."""
    place = folder(named)
    make(place)
    return messages.CERTIFICATES_MADE.format(folder=os.path.relpath(place), days=DAYS)
