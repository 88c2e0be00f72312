"""The directives that control the stand-in's treatment of a post.

A directive combines words: `drop act late=5` drops the connection after publishing and reports five seconds later. A
post's text may contain a directive, for a number of requests or for all of them: `[n8n:503 x1]`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

MARKER = re.compile(r"\[n8n:([^\]]*)\]")


class DirectiveError(ValueError):
    """A directive that is not valid. Its text is the answer to the caller."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The answer, the workflow's work and the reports for one request."""

    name: str = "accept"
    answer: Literal["accept", "refuse", "hang", "drop"] = "accept"
    status: int = 200
    retry_after: float | None = None
    answer_after: float = 0.0  # seconds
    executions: int = 1  # runs of the workflow: n8n itself may run one call twice
    copies: int = 1  # posts published by one execution
    reports: int = 1  # times that each report is sent
    report_after: float | None = None  # seconds, None: the usual delay
    report_first: bool = False  # send the report before the answer
    failure: str = ""  # the workflow fails with this failure instead of publishing


Change = Callable[[Behaviour, float | None], Behaviour]


def _refuse(status: int) -> Change:
    return lambda b, _: replace(b, answer="refuse", status=status, executions=0)


def _fail(kind: str) -> Change:
    return lambda b, _: replace(b, failure=kind)


WORDS: dict[str, Change] = {
    "accept": lambda b, _: b,
    # the answer
    "refuse": lambda b, n: _refuse(int(n or 503))(b, None),
    "retry-after": lambda b, n: replace(b, retry_after=n if n is not None else 5.0),
    "hang": lambda b, _: replace(b, answer="hang", executions=0),
    "drop": lambda b, _: replace(b, answer="drop", executions=0),
    "act": lambda b, _: replace(b, executions=1),
    "slow": lambda b, n: replace(b, answer_after=n if n is not None else 2.0),
    # the workflow
    "vanish": lambda b, _: replace(b, executions=0),
    "run-twice": lambda b, _: replace(b, executions=2),
    "two-urns": lambda b, _: replace(b, copies=2),
    "permanent": _fail("permanent"),
    "transient": _fail("transient"),
    "throttled": _fail("throttled"),
    "revoked": _fail("revoked"),
    "meta-190": _fail("meta-190"),
    # the report
    "late": lambda b, n: replace(b, report_after=n if n is not None else 3.0),
    "twice": lambda b, _: replace(b, reports=2),
    "never": lambda b, _: replace(b, reports=0),
    "first": lambda b, _: replace(b, report_first=True),
}


def parse(text: str) -> tuple[Behaviour, int | None]:
    """Parse a directive such as `503 x1` or `drop act late=5`.

    Returns the behaviour and the number of requests that it applies to (None: all).
    Raises: DirectiveError when a word is unknown or lacks its number.
    """
    behaviour, times = Behaviour(), None
    for word in text.split():
        if re.fullmatch(r"x\d+", word):
            times = int(word[1:])
        else:
            behaviour = _apply(behaviour, word)
    return replace(behaviour, name=text.strip() or "accept"), times


def _apply(behaviour: Behaviour, word: str) -> Behaviour:
    if re.fullmatch(r"[2-5]\d\d", word):
        return _refuse(int(word))(behaviour, None)
    name, _, number = word.partition("=")
    if name not in WORDS:
        raise DirectiveError(f"unknown word {word!r}: use a status such as 503, or {', '.join(WORDS)}")
    try:
        return WORDS[name](behaviour, float(number) if number else None)
    except ValueError:
        raise DirectiveError(f"{word!r} needs a number after '='") from None


def markers(text: str) -> list[str]:
    """Return the directives in a post's text."""
    return [match.strip() for match in MARKER.findall(text)]
