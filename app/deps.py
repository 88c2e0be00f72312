"""What every use case is given: settings, the clock, the database, the outside services, and the bounds on waiting."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.domain.oauth import Authorizer
from app.domain.ports import Clock, MediaCheck, MessageService, Publisher, Vault
from app.domain.verifiers import DeliveryVerifier, UserVerifier
from app.settings.values import Settings
from app.store.engine import Database


class Passage(Protocol):
    """How a ready delivery passes its instant: app.gate for many at once, app.sending.OneByOne for each alone.
    What stands there and what comes of it are app.sending's, which this module must not know."""

    def pass_through(self, deps: Deps, standing: Any, /) -> Any: ...


def one_by_one(work: Callable[[Any], Any], items: Iterable[Any], _at_a_time: int) -> list[Any]:
    """The plainest way to run `work` over `items`."""
    return [work(item) for item in items]


@dataclass(frozen=True)
class Deps:
    """Made once by wiring. `messages` is None in poll mode; `publisher`, `vault` and `linkedin` while not configured;
    `media` where media are not looked at before the instant.
    `run_many(work, items, at_a_time)` runs work over items concurrently and returns the results in order."""

    settings: Settings
    clock: Clock
    db: Database
    messages: MessageService | None
    publisher: Publisher | None
    vault: Vault | None
    gate: Passage
    linkedin: Authorizer | None = None
    random: Callable[[], float] = field(default=random.random)
    run_many: Callable[[Callable[[Any], Any], Iterable[Any], int], list[Any]] = field(default=one_by_one)
    media: MediaCheck | None = None
    waiting: threading.BoundedSemaphore | None = field(default_factory=lambda: threading.BoundedSemaphore(64))


@dataclass(frozen=True)
class Services:
    """What the web layer and the commands are given: the use cases' needs, and the two that check proofs."""

    deps: Deps
    users: UserVerifier
    deliveries: DeliveryVerifier
