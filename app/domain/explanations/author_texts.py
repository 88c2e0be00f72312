"""Reduce a raw error to a text for authors: without addresses, paths and stack traces of the installation.

Invariant: the raw text stays in the attempt and in the log, masked, for operators alone.
"""

from __future__ import annotations

import ipaddress
import re

MAX_AUTHOR_TEXT = 300  # characters
ADDRESS, PATH = "[address]", "[path]"

#: Every repetition is bounded, so no text can make the search slow.
_TRACE = re.compile(
    r"Traceback \(most recent|(?:\\n|\n|\s)\s{0,20}at (?:async )?[^\s(]{1,100} ?\(|(?:\\n|\n)\s{0,20}File \""
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:(?:\\?/){2}(?:\\/|[^\s\"'<>\\)]){1,2000}", re.IGNORECASE)
_IP = re.compile(r"(?<![\w.:])\[?([0-9a-f:.]{2,45})(?:%\w{1,20})?\]?(?::[0-9]{1,5})?(?![\w:])", re.IGNORECASE)
_SOCKET_ERROR = re.compile(r"\b(E[A-Z_]{4,20} )[\w.:\[\]-]{1,255}")  # Node.js: connect ECONNREFUSED 10.0.0.5:5432
_NAME = re.compile(
    r"(?<![\w.@-])(?:localhost|(?:[\w-]{1,63}\.){1,8}(?:internal|local|localdomain|localhost|lan|svc|home\.arpa))\b"
    r"(?::[0-9]{1,5})?",
    re.IGNORECASE,
)
_NAME_AND_PORT = re.compile(
    r"(?<![\w.-])(?!(?:sub)?code:|status:|error:|errno:|line:)[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}:[0-9]{4,5}(?![\w:.])",
    re.IGNORECASE,
)
_UNIX_PATH = re.compile(r"(?<![\w/.:\]])/(?:[\w.@+-]{1,100}/){1,30}[\w.@+-]{0,100}(?::[0-9]{1,6}){0,2}")
_WINDOWS_PATH = re.compile(r"\b[a-z]:\\{1,2}(?:[\w.@+-]{1,100}\\{1,2}){0,30}[\w.@+-]{0,100}", re.IGNORECASE)


def for_authors(raw: str | None) -> str | None:
    """Return a raw error as an author may read it, at most MAX_AUTHOR_TEXT characters."""
    if raw is None:
        return None
    trace = _TRACE.search(raw)
    text = raw[: trace.start()].rstrip() if trace else raw
    text = _SOCKET_ERROR.sub(rf"\1{ADDRESS}", _URL.sub(ADDRESS, text))
    text = _NAME.sub(ADDRESS, _NAME_AND_PORT.sub(ADDRESS, _IP.sub(_without_address, text)))
    text = _UNIX_PATH.sub(PATH, _WINDOWS_PATH.sub(PATH, text))
    return text if len(text) <= MAX_AUTHOR_TEXT else f"{text[: MAX_AUTHOR_TEXT - 1]}…"


def _without_address(found: re.Match[str]) -> str:
    """Replace an address. A number with points or colons, such as a time, stays."""
    candidate = found[1].rstrip(".:")
    host, _, port = candidate.rpartition(":")
    for text in (candidate, host if port.isdigit() else candidate):
        try:
            ipaddress.ip_address(text)
        except ValueError:
            continue
        return ADDRESS + found[1][len(candidate) :]
    return found[0]
