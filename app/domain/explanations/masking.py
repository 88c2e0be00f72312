"""Mask secrets in raw error texts. A workflow or a platform may have echoed them.

Masked: bearer tokens (RFC 6750), JWTs (RFC 7519), Meta's tokens (EAA…, IGQV…, IGAA…), LinkedIn's (AQ…), those in our
callback addresses, and any value after the name of a secret.
"""

from __future__ import annotations

import re

MASK = "***"
SHORTEST_TOKEN = 20  # characters. Real tokens have a hundred or more.

_NAMES = (
    r"(?:access|refresh|id|oauth2?|oauth2?_access|fb_exchange|auth|session)[_-]?token|(?:client|app|api)[_-]?secret"
    r"|appsecret_proof|api[_-]?key|authorization|password|x-[a-z-]{0,40}(?:key|token|secret)"
)
_NO_CODE = r"(?<!expired_)(?<!revoked_)(?<!invalid_)(?<!empty_)"  # EXPIRED_ACCESS_TOKEN: … is LinkedIn's code
#: Every repetition is bounded, so no text can make the search slow.
_NAMED = re.compile(
    rf"({_NO_CODE}(?:{_NAMES})(?:\\{{0,4}}[\"'])?\s{{0,8}}(?:[:=]|%3[da])\s{{0,8}}(?:\\{{0,4}}[\"'])?)"
    r"(?:(?:bearer|basic)(?:\s|%20|\+){1,8})?[^\s\"'\\&,;<>(){}\[\]]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(bearer(?:\s|%20|\+){1,8})[^\s\"'\\&,;<>(){}\[\]]{8,}", re.IGNORECASE)
#: The proof in a token of a callback address, see `domain.callback_tokens`.
_CALLBACK = re.compile(r"(\.[0-9]{1,9}\.[0-9]{1,12}\.)[0-9a-f]{64}")
_USER = re.compile(r"(://)[^\s/@\"']{1,256}@")
_RUN = re.compile(r"[A-Za-z0-9_.-]{20,}")
_BEGINS = re.compile(r"EAA|IGQV|IGAA|AQ|eyJ")


def mask(text: str) -> str:
    """Replace every part of `text` that looks like a token."""
    for pattern in (_NAMED, _BEARER, _CALLBACK):
        text = pattern.sub(rf"\1{MASK}", text)
    return _RUN.sub(_without_token, _USER.sub(rf"\1{MASK}@", text))


def _without_token(run: re.Match[str]) -> str:
    """Mask from the start of a token to the end of the run. Text before it, such as an encoded `=`, stays."""
    text = run.group()
    begins = _BEGINS.search(text)
    if begins is None or len(text) - begins.start() < SHORTEST_TOKEN:
        return text
    return text[: begins.start()] + MASK
