"""Count the characters, hashtags and mentions of a text as the platforms do."""

from __future__ import annotations

import re

#: The characters of a hashtag: letters and digits of any script with their marks, the underscore, and emoji.
_TAG_BODY = r"[\w\u0300-\u036F\u0900-\u0DFF\u2600-\u27BF\U0001F000-\U0001FAFF]"
#: One hashtag or more in a row (`#a#b` is two). An HTML entity (`&#39;`) and the middle of a word (`C#7`) are none.
_TAGS = re.compile(rf"(?<![\w&])(?:[#＃]{_TAG_BODY}+)+")
_MENTION = re.compile(r"(?<![\w.])@[A-Za-z0-9_]")  # `name@host` is a mail address, not a mention
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)  # the # of a link opens a fragment


def text_length(text: str) -> int:
    """Return the length in UTF-16 code units. An emoji outside the basic plane counts two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def count_hashtags(text: str) -> int:
    """Count hashtags, each repetition too."""
    return sum(len(re.findall("[#＃]", run)) for run in _TAGS.findall(_LINK.sub(" ", text)))


def count_mentions(text: str) -> int:
    """Count mentions of accounts (`@name`), each repetition too."""
    return len(_MENTION.findall(_LINK.sub(" ", text)))
