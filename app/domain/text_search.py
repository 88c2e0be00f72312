"""The pattern that finds a text in posts: every letter in either case, and any white space between words.

Invariant: the pattern means the same to PostgreSQL and to Python, in every locale of the database. It has no nested
repetition, so its time grows with the length of the text alone.
"""

from __future__ import annotations

import re

MAX_SEARCH = 200  # characters
_SPACE = "[ \t\r\n\u00a0]+"


def search_pattern(text: str) -> str:
    """Build the regular expression for a text of an author. No character of the text has a special meaning."""
    return _SPACE.join("".join(map(_either_case, word)) for word in text.split())


def contains(text: str, pattern: str) -> bool:
    """Return True if the pattern is in `text`. SQLite calls this function."""
    return re.search(pattern, text) is not None


def _either_case(character: str) -> str:
    forms = sorted({character, character.lower(), character.upper(), character.casefold()})
    if len(forms) == 1:
        return character if character.isalnum() or not character.isascii() else f"\\{character}"
    return f"(?:{'|'.join(forms)})" if any(len(form) > 1 for form in forms) else f"[{''.join(forms)}]"
