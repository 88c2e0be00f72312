"""The webhook endpoints of one seed: who listens, what was caused, and what arrived there.

Invariant: causes come from committed transitions, alerts and attempts alone. The app's outbox is never read for them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from app.deps import Deps
from app.domain.webhooks import EventReply
from app.events.endpoints import create_endpoint
from tests.simulation import rules
from tests.simulation.facts import Row, Step, key

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.world import World

#: The events as docs/webhooks.md lists them.
OF_OWNERS = (
    "post.scheduled",
    "post.unscheduled",
    "post.published",
    "post.failed",
    "post.outcome_unknown",
    "post.at_risk",
    "account.reconnect_required",
)
OF_ADMINS = "alert.raised"
ADMIN, STRANGER = "admin", "stranger"  # users without posts
MOST_TRIES = 12  # of one event, as docs/webhooks.md says
MOST_FAILURES = 20  # in a row, after which an endpoint is switched off
GONE = 410


class Told(NamedTuple):
    """What one endpoint is to be told, or was told. Of an alert, `subject` is its kind and subject."""

    url: str
    type: str
    subject: str
    status: str
    generation: int
    attempt: int


@dataclass(slots=True)
class Arrival:
    """One event at an endpoint, by its own id."""

    told: Told
    event_id: str
    user: str
    body: str


@dataclass(slots=True)
class Heard:
    """The ground truth of the endpoints. `caused` counts causes, `arrived` has the ids of events."""

    caused: Counter[Told] = field(default_factory=Counter)
    arrived: dict[Told, set[str]] = field(default_factory=lambda: defaultdict(set))
    bodies: dict[str, str] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=Counter)  # tries, by event id
    failures: Counter[str] = field(default_factory=Counter)  # tries, by URL
    given_up: dict[str, Told] = field(default_factory=dict)  # answered 410, or tried too often, by event id


class Endpoints:
    """The endpoints of all authors, of an admin and of a stranger."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._alerts: dict[tuple[str, str], int] = {}  # their counts, which begin with one
        self._unknown: set[tuple[str, int]] = set()
        self.heard = Heard()
        self.users: dict[str, str] = {}  # by URL

    def register(self, deps: Deps, authors: Sequence[str]) -> None:
        for user in (*authors, ADMIN, STRANGER):
            url = f"https://hooks.example/{user}"
            events = [*OF_OWNERS, OF_ADMINS] if user == ADMIN else list(OF_OWNERS)
            create_endpoint(deps, user, {"url": url, "events": events}, admin=user == ADMIN)
            self.users[url] = user

    # Causes

    def changed(self, change: Change) -> None:
        """Note the causes in a post's committed transitions."""
        generation = change.before.generation if change.before else 0
        for step in change.steps:
            told = _type_of(step, generation, change.after.error_code)
            generation = step.generation
            if told:
                self._cause(told, change.after, step.after, step.generation, step.attempt)

    def committed(self) -> None:
        """Note the causes in alerts that began, and in attempts whose outcome is unknown."""
        raw, facts = self._world.observer.raw, self._world.facts
        standing = {(kind, on): count for kind, on, count in raw.execute("SELECT kind, subject, count FROM alerts")}
        known = self._alerts
        for kind, subject in sorted(a for a, count in standing.items() if a not in known or count < known[a]):
            self.heard.caused[Told(_url(ADMIN), OF_ADMINS, f"{kind} {key(subject)}", "", 0, 0)] += 1
            if kind == "reconnect_required":
                self._cause_of_account(key(subject))
        self._alerts = standing
        unknown = set(raw.execute("SELECT post_id, attempt FROM attempts WHERE outcome = 'unknown'"))
        for post_id, attempt in sorted(unknown - self._unknown):
            row = facts.rows[post_id]
            if (row.status, row.attempt) == ("publishing", attempt):
                self._cause("post.outcome_unknown", row, row.status, row.generation, attempt)
        self._unknown |= unknown

    def _cause_of_account(self, account_id: str) -> None:
        facts = self._world.facts
        user = self._world.authors.user_of_account(facts.accounts[account_id].external_id)
        self.heard.caused[Told(_url(user), "account.reconnect_required", account_id, "", 0, 0)] += 1
        for row in facts.rows.values():
            if row.social_account_id == account_id and row.status == "scheduled":
                self._cause("post.at_risk", row, row.status, row.generation, row.attempt)

    def _cause(self, event_type: str, row: Row, status: str, generation: int, attempt: int) -> None:
        user = next(user for post_id, user in self._world.authors.posts.items() if key(post_id) == row.id)
        self.heard.caused[Told(_url(user), event_type, row.id, status, generation, attempt)] += 1

    # Arrivals

    def take(self, url: str, event_id: str, body: str) -> None:
        arrival = _read(url, event_id, body)
        self._world.record("endpoint", f"{self.users[url]} is told {arrival.told[1:]}")
        self._world.check(rules.ON_EVENT, arrival)
        self.heard.arrived[arrival.told].add(event_id)
        self.heard.bodies[event_id] = body

    def refuse(self, url: str, event_id: str, body: str, status: int | None) -> EventReply:
        """Answer a failure, and note it."""
        heard = self.heard
        heard.failed[event_id] = heard.failed.get(event_id, 0) + 1
        heard.failures[url] += 1
        if status == GONE or heard.failed[event_id] >= MOST_TRIES:
            heard.given_up[event_id] = _read(url, event_id, body).told
        return EventReply(status, "" if status else "simulated: no answer")

    def missing(self) -> Iterator[tuple[Told, int]]:
        """Yield what was caused and has not arrived, with how often. Excuse what the endpoint itself refused."""
        excused = Counter(self.heard.given_up.values())
        disabled = self.disabled()
        for told, times in self.heard.caused.items():
            left = times - len(self.heard.arrived[told]) - excused[told]
            if left > 0 and told.url not in disabled:
                yield told, left

    def disabled(self) -> set[str]:
        query = "SELECT url FROM webhook_endpoints WHERE status = 'disabled'"
        return {url for (url,) in self._world.observer.raw.execute(query)}


class SimulatedEventSender:
    """ports.EventSender of the endpoints of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, url: str, secrets: Sequence[str], event_id: str, at: datetime, body: str) -> EventReply:
        world, endpoints = self._world, self._world.endpoints
        assert endpoints is not None
        assert secrets
        world.step("endpoint.call")
        if world.is_out("endpoint_outage") or world.inject("endpoint_fails"):
            return endpoints.refuse(url, event_id, body, 503)
        if world.inject("endpoint_gone"):
            return endpoints.refuse(url, event_id, body, GONE)
        endpoints.take(url, event_id, body)
        world.step("endpoint answers")
        if world.inject("endpoint_unheard"):
            return endpoints.refuse(url, event_id, body, None)
        return EventReply(204, "")


def _url(user: str) -> str:
    return f"https://hooks.example/{user}"


def _type_of(step: Step, generation: int, error_code: str | None) -> str | None:
    """Return the event of a transition. A person's schedule raises the generation, a retry does not."""
    match step.after:
        case "scheduled":
            return "post.scheduled" if step.generation > generation else None
        case "draft":
            return "post.unscheduled" if step.before == "scheduled" else None
        case "cancelled":
            return "post.unscheduled" if step.before == "scheduled" else None
        case "published":
            return "post.published"
        case "failed":
            return "post.outcome_unknown" if error_code == "outcome_unknown" else "post.failed"
    return None


def _read(url: str, event_id: str, body: str) -> Arrival:
    """Read an event as its receiver does."""
    event = json.loads(body)
    data = event["data"]
    if event["type"] == OF_ADMINS:
        told = Told(url, event["type"], f"{data['kind']} {key(data['subject'])}", "", 0, 0)
        return Arrival(told, event_id, ADMIN, body)
    if event["type"].startswith("account."):
        told = Told(url, event["type"], key(data["socialAccountId"]), "", 0, 0)
        return Arrival(told, event_id, data["userId"], body)
    place = (data["status"], data["generation"], data["attempt"])
    return Arrival(Told(url, event["type"], key(data["postId"]), *place), event_id, data["userId"], body)
