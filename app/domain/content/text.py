"""How long a text is, and how many hashtags and mentions it carries, counted the way a platform would."""

from __future__ import annotations

import re

#: What a hashtag may be made of: letters and digits of any script with their marks, the underscore, and emoji.
_TAG_BODY = r"[\w\u0300-\u036F\u0900-\u0DFF\u2600-\u27BF\U0001F000-\U0001FAFF]"
#: One or more in a row (`#a#b` is two); neither an HTML entity (`&#39;`) nor the middle of a word (`C#7` is none).
_TAGS = re.compile(rf"(?<![\w&])(?:[#＃]{_TAG_BODY}+)+")
_MENTION = re.compile(r"(?<![\w.])@[A-Za-z0-9_]")  # `name@host` is an address of mail, not a mention
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)  # the # of a link opens a fragment


def text_length(text: str) -> int:
    """Length in UTF-16 code units: an emoji outside the basic plane counts two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def count_hashtags(text: str) -> int:
    """Hashtags, repeated ones each time."""
    return sum(len(re.findall("[#＃]", run)) for run in _TAGS.findall(_LINK.sub(" ", text)))


def count_mentions(text: str) -> int:
    """Mentions of accounts (`@name`), repeated ones each time."""
    return len(_MENTION.findall(_LINK.sub(" ", text)))
