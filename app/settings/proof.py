"""Prove that an answer comes from this installation: a keyed hash of a nonce.

Invariant: the key is derived from the secrets by a hash, so the proof shows none of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re

from app.settings.values import Settings

NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


def proof_of(settings: Settings, nonce: str) -> str | None:
    """Return this installation's proof for `nonce`, None for a malformed nonce or without any secret."""
    s = settings
    secrets = (s.cron_secret, s.n8n_callback_secret, s.admin_secret_key, s.internal_api_secret, s.auth_jwt_secret)
    keys = (s.qstash_current_signing_key, s.qstash_next_signing_key, *s.token_encryption_keys)
    if not any((*secrets, *keys)) or not NONCE.fullmatch(nonce):
        return None
    key = hashlib.sha256(json.dumps(["punctual installation proof", *secrets, *keys]).encode()).digest()
    return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()
