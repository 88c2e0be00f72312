"""Names of accounts, companies and clients: one line of any script."""

from __future__ import annotations

import unicodedata

#: Embeddings, overrides and isolates: they reorder the text around a name. Joiners and directional marks do not.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, halves of surrogate pairs, line and paragraph separators
_BLANK = frozenset({"Cf", "Zs"})


def fits_name(char: str) -> bool:
    """Return True if a name may have this character."""
    return unicodedata.category(char) not in _REFUSED and char not in _REORDERING


def is_name(text: str) -> bool:
    """Return True if every character fits a name and one of them is visible."""
    return all(map(fits_name, text)) and any(unicodedata.category(char) not in _BLANK for char in text)
