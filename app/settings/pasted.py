"""Clean text that people paste: settings, tokens and ids often bring a newline or an invisible character along.

Invariant: only outer characters are removed. The reader of the value accepts or refuses the inner ones.
"""

from __future__ import annotations

import re

#: Every character of `str.isspace`.
_SPACE = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
#: Zero-width space, word joiner, byte order mark, Mongolian vowel separator, left-to-right and right-to-left mark.
INVISIBLE = "\u200b\u2060\ufeff\u180e\u200e\u200f"
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def trim(text: str) -> str:
    """Remove outer white space and invisible characters."""
    return text.strip(_SPACE + INVISIBLE)


def fits_header(text: str) -> bool:
    """Return True if the text is visible ASCII without spaces, like a credential in an HTTP header."""
    return _VISIBLE_ASCII.fullmatch(text) is not None
