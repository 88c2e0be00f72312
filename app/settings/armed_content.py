"""The fingerprint of the settings that armed messages carry: their address, their secrets and their account.

Invariant: the fingerprint is a short hash, so it shows no secret, and a setting without effect on armed messages does
not change it.
"""

from __future__ import annotations

import base64
import hashlib
import json

from app.settings.values import Settings

LENGTH = 16  # hexadecimal digits: 64 bits distinguish settings, and are too few to find a secret by


def armed_content(settings: Settings) -> str:
    """Return the fingerprint of what a message armed now carries. It changes if such a message would be refused."""
    parts = (
        settings.public_base_url,
        settings.internal_api_secret,
        settings.vercel_automation_bypass_secret,
        settings.qstash_url,
        _account(settings.qstash_token),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:LENGTH]


def _account(token: str | None) -> str | None:
    """Return the QStash account that the token names, else the token. A new token of one account changes nothing."""
    try:
        content = json.loads(base64.b64decode(token or "", validate=True))
        return str(content["UserID"])
    except (ValueError, KeyError, TypeError):
        return token
