"""Tokens in the callback addresses for n8n. Each one proves a single attempt of a single post, until it expires.

Invariant: the key is derived from the secret by a hash, so a token shows nothing of the secret or of other tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Counted from the end of the lease. n8n keeps a failed execution for days, and a person may run its report again
#: after a long weekend. A later report needs the shared secret.
LIFETIME = timedelta(days=7)
#: The post, the attempt, the end in Unix seconds, and the proof.
_TOKEN = re.compile(r"([0-9a-f-]{36})\.([1-9][0-9]{0,8})\.([1-9][0-9]{0,11})\.([0-9a-f]{64})")
_LABEL = b"punctual callback token 1"


@dataclass(frozen=True, slots=True)
class CallbackToken:
    """The content of a token that verifies: it proves a report on this attempt until `expires_at`."""

    post_id: str
    attempt: int
    expires_at: datetime


def sign_callback(secret: str, post_id: str, attempt: int, lease_until: datetime) -> str:
    """Return the token of an attempt whose lease ends at `lease_until`."""
    content = f"{post_id}.{attempt}.{int((lease_until + LIFETIME).timestamp())}"
    return f"{content}.{_proof(secret, content)}"


def read_callback_token(token: str, secrets: Iterable[str | None]) -> CallbackToken | None:
    """Return the content of `token`, expired or not. None if it verifies with none of the secrets."""
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return None
    content, proof = token.rpartition(".")[0], parts[4]
    verified = [hmac.compare_digest(proof, _proof(secret, content)) for secret in secrets if secret is not None]
    if True not in verified:
        return None
    try:
        expires_at = datetime.fromtimestamp(int(parts[3]), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return CallbackToken(parts[1], int(parts[2]), expires_at)


def _proof(secret: str, content: str) -> str:
    key = hmac.digest(secret.encode(), _LABEL, "sha256")
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()
