"""Reads the database after every commit and passes changed rows with their transitions to the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation import rules
from tests.simulation.facts import COLUMNS, Account, Claim, Row, Step
from tests.simulation.kernel import EPOCH, SECOND, Actor

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(slots=True)
class Change:
    """One row before and after one commit, and the transitions written with it."""

    actor: Actor
    before: Row | None
    after: Row
    steps: list[Step]


@dataclass(slots=True)
class AccountChange:
    """An account whose status changed, with its present token."""

    actor: Actor
    status: str
    token: str


class Observer:
    """Copies rows and claims into the facts and checks the rules on every change."""

    def __init__(self, world: World, raw: Any) -> None:
        self._world = world
        self.raw = raw
        self._changes = -1
        self._last_step = 0

    def committed(self) -> None:
        if self.raw.total_changes == self._changes:
            return
        self._changes = self.raw.total_changes
        world, facts = self._world, self._world.facts
        actor = world.kernel.current
        assert actor is not None
        steps = self._new_steps()
        for values in self.raw.execute(f"SELECT {COLUMNS} FROM posts"):
            row = Row._make(values)
            before = facts.rows.get(row.id)
            if row != before:
                self._changed(Change(actor, before, row, [step for step in steps if step.post_id == row.id]))
        self._accounts(actor)
        if world.endpoints is not None:
            world.endpoints.committed()

    def _new_steps(self) -> list[Step]:
        columns = "id, post_id, at, from_status, to_status, reason, actor, generation, attempt"
        query = f"SELECT {columns} FROM transitions WHERE id > ? ORDER BY id"
        steps = [Step._make(values) for values in self.raw.execute(query, (self._last_step,))]
        if steps:
            self._last_step = steps[-1].id
        return steps

    def _changed(self, change: Change) -> None:
        world, row = self._world, change.after
        world.facts.rows[row.id] = row
        if world.recording:
            what = ", ".join(step.reason for step in change.steps) or "touched"
            world.record(change.actor.name, f"WRITES {what}", row.id)
        by_hand = any(step.reason.startswith("retried_by_") for step in change.steps)  # such a retry is for now
        promised = "" if by_hand else row.scheduled_at
        if promised is not None:
            world.facts.promised.setdefault((row.id, row.generation), promised)
        self._note_claim(change)
        if row.sending_at is not None:
            world.facts.begun.setdefault(row.id, world.kernel.now)
        if world.endpoints is not None:
            world.endpoints.changed(change)
        world.check(rules.ON_CHANGE, change)
        if change.actor.notes.get("force") and change.steps:
            world.facts.forced[row.id] = row.attempt
        if row.status in ("scheduled", "publishing") and change.steps:
            world.planner.plan_contention(row, micros(row.next_attempt_at or row.lease_until or ""))

    def _accounts(self, actor: Actor) -> None:
        known = self._world.facts.accounts
        token = "substr(access_token, instr(access_token, '/access_token ') + length('/access_token '))"  # see Vault
        query = f"SELECT id, status, {token}, external_id FROM social_accounts"
        for values in self.raw.execute(query):
            account = Account._make(values)
            was, known[account.id] = known.get(account.id), account
            if was is not None and was.status != account.status:
                self._world.record(actor.name, f"WRITES account {account.external_id} {account.status}")
                self._world.check(rules.ON_ACCOUNT, AccountChange(actor, account.status, account.token))

    def _note_claim(self, change: Change) -> None:
        for step in change.steps:
            if step.after == "publishing":
                instance = change.actor.instance
                ahead = change.actor.began_ahead or self._world.clocks[instance].ahead > 0
                claim = Claim(step.generation, step.at, instance, ahead)
                self._world.facts.claims[step.post_id, step.attempt] = claim
                change.actor.notes.setdefault("claimed", {})[step.post_id] = step.attempt


def micros(text: str) -> int:
    """Convert an instant as SQLite stores it to true time in µs."""
    difference = datetime.fromisoformat(text).replace(tzinfo=EPOCH.tzinfo) - EPOCH
    return (difference.days * 86_400 + difference.seconds) * SECOND + difference.microseconds
