"""The table of all secrets among the settings, and their contradictions: published values, one value used twice.

Invariant: a setting with a reader of secrets is in the table without another line here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from urllib.parse import unquote, urlsplit

from app.settings import readers
from app.settings.values import READ, Settings

#: A setting with one of these readers is a secret.
SECRET_READERS = (
    readers.secret,
    readers.signing_secret,
    readers.secret_header,
    readers.credential,
    readers.fernet_keys,
    readers.header_line,
)
NOT_SECRET = ("linkedin_client_id",)
#: Everyone can read these. Source: the users of QStash's development server, in its documentation under "Local
#: Development", and `app/local`.
PUBLISHED = frozenset(
    {
        "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
        "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
        "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjIiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
        "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjMiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
        "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
        "local-linkedin-app-secret",
    }
)
PREVIOUS = "_previous"


def secret_names() -> list[str]:
    """Return the names of the settings that are secrets, in the order of their declaration."""
    read = {spec.name: spec.metadata[READ] for spec in fields(Settings)}
    return [name for name, reader in read.items() if reader in SECRET_READERS and name not in NOT_SECRET]


def secret_problems(s: Settings) -> list[tuple[bool, str, str]]:
    """Return (is wrong, setting, problem) for each secret that everyone knows or that another setting has too."""
    return [*_published(s), *_repeated(s)]


def _published(s: Settings) -> Iterator[tuple[bool, str, str]]:
    for name, value in _values(s):
        problem = "must not be a value that is published for local development. Anybody could use it. Copy it from"
        origin = "the console of its service" if name != "token_encryption_keys" else "a generator"
        yield not s.local and value in PUBLISHED, name.upper(), f"{problem} {origin}"


def _repeated(s: Settings) -> Iterator[tuple[bool, str, str]]:
    first: dict[str, str] = {}
    for name, value in _values(s):
        if value in first:
            yield True, name.upper(), _difference(name, first[value])
        first.setdefault(value, name)


def _difference(name: str, first: str) -> str:
    if name == first:
        return "must name each key once"
    if name == first + PREVIOUS:
        return (
            f"must be the former value of {first.upper()}, and both are equal. Remove it, or set a new {first.upper()}"
        )
    if {name, first} == {"qstash_current_signing_key", "qstash_next_signing_key"}:
        return f"must differ from {first.upper()}. Copy both again from the QStash console"
    return (
        f"must differ from {first.upper()}, or a program that knows one of the two has the rights of both. "
        "Make one with: openssl rand -hex 32"
    )


def _values(s: Settings) -> Iterator[tuple[str, str]]:
    """Yield (setting, secret) for each secret in the settings. One setting may have several secrets or forms of one."""
    for name in secret_names():
        value = getattr(s, name)
        if name == "token_encryption_keys":
            yield from ((name, _canonical(key)) for key in value)
        elif name == "n8n_webhook_auth_header":
            yield from ((name, form) for form in _header_forms(value))
        elif value:
            yield name, value
    password = _password(s.database_url)
    if password:
        yield "database_url", password


def _canonical(key: str) -> str:
    """Return the key in its one canonical spelling: the last character of 32 bytes in base64 has unused bits."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(key)).decode()
    except binascii.Error:
        return key


def _header_forms(line: str | None) -> set[str]:
    """Return the header's value, also without its scheme, and the password of basic authentication."""
    value = (line or "").partition(":")[2].strip()
    scheme, _, credentials = value.partition(" ")
    forms = {value, credentials.strip()}
    if scheme.lower() == "basic":
        with suppress(ValueError):
            forms.add(base64.b64decode(credentials).decode().partition(":")[2])
    return forms - {""}


def _password(database_url: str) -> str:
    try:
        return unquote(urlsplit(database_url).password or "")
    except ValueError:
        return ""
