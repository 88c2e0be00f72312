from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SECRET = "a-shared-secret-of-at-least-32-bytes"


class FrozenClock:
    """A clock with a fixed time, until a test sets `at`."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def now(self) -> dt.datetime:
        return self.at

    def sleep_until(self, instant: dt.datetime) -> None:
        self.at = max(self.at, instant)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(dt.datetime(2026, 12, 1, 8, 0, tzinfo=dt.UTC))


@pytest.fixture
def sign(clock: FrozenClock) -> Callable[..., str]:
    def make(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any) -> str:
        base = {"sub": "u1", "exp": int(clock.now().timestamp()) + 60} | claims
        kept = {name: value for name, value in base.items() if value is not ...}
        return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid} if kid else None)

    return make


@dataclass
class Certificate:
    """A self-signed certificate for 127.0.0.1. `path` is the PEM file to trust."""

    path: str
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "cert.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(cert.public_bytes(pem) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Certificate(str(path), context)


@pytest.fixture(autouse=True)
def _short_authority_list(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the list of authorities. httpx reads it for every client, and the full list takes time."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate.path)
