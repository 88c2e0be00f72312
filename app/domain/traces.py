"""Finished spans for a collector of traces.

Invariant: a span's attributes are ids, names and numbers: no text of a post, no token, no address with a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """One finished piece of work, in unix nanoseconds. `parent` is the caller's traceparent header, None without."""

    name: str
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    failed: bool = False
    parent: str | None = None
    outgoing: bool = False


class Tracer(Protocol):
    """A collector of traces."""

    def record(self, span: Span) -> None:
        """Keep a span for the collector. Never raises, and never waits for the collector."""
        ...
