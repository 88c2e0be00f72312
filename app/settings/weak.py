"""Find weak secrets: few different characters, repetitions, sequences and well-known placeholders.

Invariant: random values pass, also 16 hexadecimal digits. Of a million of these about thirty are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

MIN_DIFFERENT = 6  # characters of a secret
MIN_DIFFERENT_BESIDE_WORDS = 8  # beside words that placeholders are made of
MIN_DIFFERENT_BYTES = 12  # of a key of 32 random bytes, which has 24 or more
MAX_STEPS = 0.6  # the share of characters that equal or follow their neighbour
#: Each of these alone marks a value that was never replaced.
_PLACEHOLDER = re.compile(
    r"change(me|this|it|now|please)|changeyour|(replace|insert|put|enter|paste|set|fill)(me|this|it|your|with|here)"
    r"|placeholder|your(own)?(secret|key|token|password|value|api|jwt|random)|notasecret|donotuse|<[a-z]|\$\{|\{\{"
)
#: Words of placeholders and default passwords. One of them is needed for a refusal.
_WORDS = re.compile(
    "secret|password|passwort|passwd|token|change|replace|example|default|random|string|value|super|please|test"
    "|sample|admin|letmein|welcome|qwertyuiop|qwerty|asdfghjkl|asdfgh|zxcvbnm|iloveyou|insecure|unsafe|production"
    "|development"
)
#: Words that come with them, too short or too common to mean anything alone.
_FILLERS = re.compile(
    "characters|character|least|pass|root|demo|very|long|your|this|that|here|with|key|the|my|me|is|at|to|a"
)


def weakness(text: str) -> str | None:
    """Return why this secret can be guessed, as the end of "must be random: ", None if it looks random."""
    plain = re.sub(r"[\s_.,:;/+=-]", "", text.lower())
    if _PLACEHOLDER.search(plain):
        return "it is a placeholder"
    problem = _shape(text, MIN_DIFFERENT, "characters")
    if problem is None and _WORDS.search(plain):
        rest = _FILLERS.sub("", _WORDS.sub("", plain))
        problem = "it is made of common words" if _different(rest) < MIN_DIFFERENT_BESIDE_WORDS else None
    return problem


def key_weakness(key: bytes) -> str | None:
    """Return why this key can be guessed, None if its bytes look random."""
    return _shape(key, MIN_DIFFERENT_BYTES, "bytes")


def is_placeholder(text: str) -> bool:
    """Return True for a placeholder. A value of another service's own cannot be judged otherwise."""
    plain = re.sub(r"[\s_.,:;/+=-]", "", text.lower())
    return bool(_PLACEHOLDER.search(plain)) or (len(text) > 3 and len(set(text)) < 3)


def _shape(value: Sequence[object], least: int, unit: str) -> str | None:
    if len(set(value)) < least:
        return f"it has fewer than {least} different {unit}"
    if any(value[period:] == value[:-period] for period in range(1, len(value) // 2 + 1)):
        return f"its {unit} repeat"
    if _steps(value) > MAX_STEPS * (len(value) - 1):
        return f"its {unit} are a sequence"
    return None


def _steps(value: Sequence[object]) -> int:
    codes = [ord(item) if isinstance(item, str) else int(str(item)) for item in value]
    return sum(abs(one - other) <= 1 for one, other in pairwise(codes))


def _different(text: str) -> int:
    """Count the different characters. A character that equals or follows its neighbour does not count."""
    return len({one for before, one in pairwise(" " + text) if abs(ord(one) - ord(before)) > 1})
