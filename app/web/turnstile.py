"""The turnstile of the API: how many requests this process takes at once, and how many of them work.

Invariant: a request gets its first turn before any work of the app. A user gets one of its own after the proof. A
delivery or report always finds a free thread.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from flask import Flask, current_app, request

from app.deps import Deps
from app.domain.errors import TooBusy
from app.domain.turns import Bound, NoTurn, Turns, change_to, holding

TURNSTILE = "punctual_turnstile"  # the key of the app's Turnstile among its extensions
END = "punctual.end_of_request"  # the key of the request's ExitStack in its environ
REFUSED = "punctual.refused"  # True in the environ of a request that gets the answer `too_busy`
#: Requests of users and strangers in this process: fewer than the spare threads of app/serve.py.
MAX_HERE, MAX_USERS, MAX_OF_USER = 96, 64, 24
USERS, OF_USER = 3, 2  # of them at work. A user's second one works while the first waits for the database
MACHINES = 3  # deliveries that come ahead, as many late ones, and as many reports and sweeps
HEAVY_BYTES = 32 * 1024  # to read or write JSON above this, Python may work for 10 ms without a pause
QUIET_SECONDS, POLL_SECONDS = 0.008, 0.001
MAX_WAIT_SECONDS = 10.0
#: So long due deliveries go first: before a heavy body, a user's other requests, and a delivery that comes ahead.
HEAVY_COURTESY_SECONDS, COURTESY_SECONDS, ARRIVAL_SECONDS = 1.0, 0.05, 0.01
#: While a post is due so soon, deliveries are proved and, where they come ahead, prepared one at a time. Late ones are
#: handled one of each owner. A busy processor would make that post late.
SOON_SECONDS = 0.2
DELIVERY_PATH = "/api/posts/dispatch"
MACHINE_PATHS = ("/api/webhooks/", "/api/cron/", "/api/posts/recover", "/api/scheduler/run", "/metrics")
FREE_PATHS = frozenset({"/healthz", "/readyz"})

WsgiApp = Callable[..., Iterable[bytes]]


class Turnstile:
    """A WSGI app in front of the app."""

    def __init__(self, app: WsgiApp, deps: Deps) -> None:
        self.app = app
        self.here, self.users_here = Crowd(MAX_HERE, MAX_HERE), Crowd(MAX_USERS, MAX_OF_USER)
        self._users, self._heavy = Turns(USERS, OF_USER), Turns(1, 1)
        self._deps = deps
        self._deliveries = Turns(MACHINES, MACHINES, self._is_due_soon)  # and the proofs of all deliveries
        self._late_deliveries = Turns(MACHINES, MACHINES, self._is_due_soon, narrow=(MACHINES, 1))
        self._machines = Turns(MACHINES, MACHINES)
        self._before_heavy = QuietGate(deps, HEAVY_COURTESY_SECONDS, QUIET_SECONDS)
        self._before_light, self._before_delivery = QuietGate(deps, COURTESY_SECONDS), QuietGate(deps, ARRIVAL_SECONDS)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in FREE_PATHS:
            return self.app(environ, start_response)
        with ExitStack() as end:
            environ[END] = end
            self._let_in(environ, path, end)
            return self.app(environ, start_response)

    def _is_due_soon(self) -> bool:
        return self._deps.gate.is_busy(self._deps, SOON_SECONDS)

    def _let_in(self, environ: dict[str, Any], path: str, end: ExitStack) -> None:
        """Wait for a turn of an unknown caller.

        Deliveries wait apart, so neither users nor reports that wait for a row's lock can stop them.
        """
        if path.startswith((DELIVERY_PATH, *MACHINE_PATHS)):
            turns = self._deliveries if path.startswith(DELIVERY_PATH) else self._machines
            end.enter_context(holding(turns, ""))
            return
        try:
            end.enter_context(self.here.one_more(""))
            end.enter_context(holding(self._users, "", MAX_WAIT_SECONDS))
        except (TooBusy, NoTurn):
            environ[REFUSED] = True

    def admit_user(self, user_id: str) -> None:
        """Count this request among those of its user until it ends. Raises: TooBusy at the bounds."""
        request.environ[END].enter_context(self.users_here.one_more(user_id))

    def give_user_turn(self, user_id: str, size: int) -> None:
        """Wait for a turn of this user, to read or write JSON of this size. Due deliveries go first.

        Raises: TooBusy.
        """
        heavy: list[Bound] = [self._heavy, self._before_heavy]
        first = heavy if size > HEAVY_BYTES else [self._before_light]
        _change([*first, self._users], f"user:{user_id}")

    def give_turn_for_answer(self, user_id: str, size: int) -> None:
        """Wait for another turn of this user before a heavy answer is written. Raises: TooBusy."""
        if size > HEAVY_BYTES:
            self.give_user_turn(user_id, size)

    def give_delivery_turn(self, owner: str, *, is_ahead: bool) -> None:
        """Wait for a turn of this post's owner. `is_ahead`: its instant is still to come. Raises: TooBusy."""
        turns = self._deliveries if is_ahead else self._late_deliveries
        _change([self._before_delivery, turns], f"owner:{owner}")


class Crowd:
    """The requests that are here: `most` of them, and `most_of_one` of one caller."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._lock = threading.Lock()
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of.total()

    @contextmanager
    def one_more(self, caller: str) -> Iterator[None]:
        """Count one more request of this caller while the context lasts.

        Raises: TooBusy at either bound.
        """
        with self._lock:
            if self._of.total() >= self._most or self._of[caller] >= self._most_of_one:
                raise TooBusy()
            self._of[caller] += 1
        try:
            yield
        finally:
            with self._lock:
                self._of[caller] -= 1
                if not self._of[caller]:
                    del self._of[caller]


class QuietGate:
    """A Bound: wait until no delivery is due, for `most` seconds. It has no turns, so it never ends without one."""

    def __init__(self, deps: Deps, most: float, quiet: float = 0.0) -> None:
        self._deps, self._most, self._quiet = deps, most, quiet

    def take(self, _owner: str, _seconds: float | None = None) -> None:
        """Wait until the gate has been quiet for `quiet` seconds."""
        quiet_since = now = time.monotonic()
        end = now + self._most
        while now < end:
            if self._deps.gate.is_busy(self._deps):
                quiet_since = now
            elif now - quiet_since >= self._quiet:
                return
            time.sleep(POLL_SECONDS)
            now = time.monotonic()

    def release(self, _owner: str) -> None:
        """Do nothing."""


def register(app: Flask, deps: Deps) -> None:
    made = Turnstile(app.wsgi_app, deps)
    app.extensions[TURNSTILE] = made
    app.wsgi_app = made  # type: ignore[method-assign]
    app.before_request(_refuse)


def turnstile() -> Turnstile:
    return cast(Turnstile, current_app.extensions[TURNSTILE])


def _refuse() -> None:
    if request.environ.get(REFUSED):
        raise TooBusy()


def _change(bounds: Sequence[Bound], owner: str) -> None:
    try:
        change_to(bounds, owner, MAX_WAIT_SECONDS)
    except NoTurn:
        raise TooBusy() from None
