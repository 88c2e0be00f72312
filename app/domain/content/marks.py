"""Runs of combining marks in a text.

Invariant: a text with at most MAX_MARKS marks in a row is normalised in linear time. A longer run makes it quadratic.
Source: the Stream-Safe Text Format of UAX 15, section 13.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MAX_MARKS = 30  # in a row


def longest_run(text: str) -> int:
    """Return the length of the longest run of combining marks.

    A character counts as its compatibility decomposition, so `é` is a letter with one mark.
    """
    if text.isascii():
        return 0
    marked = {char: marks for char in set(text) if any(marks := _marks(char))}
    longest = run = 0
    for char in text if marked else "":
        if char not in marked:
            run = 0
            continue
        leading, trailing = marked[char]
        longest = max(longest, run + leading)
        is_mark = trailing < 0
        run = run + leading if is_mark else trailing
    return max(longest, run)


@lru_cache(maxsize=4096)
def _marks(char: str) -> tuple[int, int]:
    """Return the marks before and after the letters of one character. The second is -1 if it has no letter."""
    is_mark = [unicodedata.combining(part) > 0 for part in unicodedata.normalize("NFKD", char)]
    if all(is_mark):
        return len(is_mark), -1
    return is_mark.index(False), is_mark[::-1].index(False)
