"""Find weak secrets: few different characters, repetitions and well-known placeholders.

Invariant: random values pass, also 16 hexadecimal digits. Of a million of these about thirty are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MIN_DIFFERENT = 6  # characters of a secret
MIN_DIFFERENT_BYTES = 6  # of a key of 32 random bytes, which has 24 or more
#: Each of these alone marks a value that was never replaced.
_PLACEHOLDER = re.compile(
    r"change(me|this|it|now|please)|changeyour|(replace|insert|put|enter|paste|set|fill)(me|this|it|your|with|here)"
    r"|placeholder|your(own)?(secret|key|token|password|value|api|jwt|random)|notasecret|donotuse|<[a-z]|\$\{|\{\{"
)


def weakness(text: str) -> str | None:
    """Return why this secret can be guessed, as the end of "must be random: ", None if it looks random."""
    plain = re.sub(r"[\s_.,:;/+=-]", "", text.lower())
    if _PLACEHOLDER.search(plain):
        return "it is a placeholder"
    if any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1)):
        return "its characters repeat"
    return _too_few(text, MIN_DIFFERENT, "characters")


def key_weakness(key: bytes) -> str | None:
    """Return why this key can be guessed, None if its bytes look random."""
    return _too_few(key, MIN_DIFFERENT_BYTES, "bytes")


def is_placeholder(text: str) -> bool:
    """Return True for a placeholder. A value of another service's own cannot be judged otherwise."""
    plain = re.sub(r"[\s_.,:;/+=-]", "", text.lower())
    return bool(_PLACEHOLDER.search(plain)) or (len(text) > 3 and len(set(text)) < 3)


def _too_few(value: Sequence[object], least: int, unit: str) -> str | None:
    return f"it has fewer than {least} different {unit}" if len(set(value)) < least else None
