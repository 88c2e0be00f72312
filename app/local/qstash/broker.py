"""Publish and cancel: the steps between a valid request and the outbox.

Invariant: a message is on disk before its publish is answered, and a batch is accepted or refused as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import headers as upstash
from .dedup import DedupWindow, dedup_key
from .faults import Faults
from .headers import Headers
from .message import Message, new_id
from .outbox import Outbox
from .plan import DailyUse, Plan
from .storage import Storage
from .timers import wall_ms


@dataclass(frozen=True, slots=True)
class Publication:
    """One message as the client published it."""

    url: str
    body: bytes
    headers: Headers
    caller_ip: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of one publication. `message_id` is the first message's id for a duplicate."""

    message_id: str
    deduplicated: bool


class Broker:
    """Publishing within the account's plan, deduplication window and daily quota."""

    def __init__(self, storage: Storage, outbox: Outbox, plan: Plan, faults: Faults) -> None:
        self._storage = storage
        self._outbox = outbox
        self._plan = plan
        self._faults = faults
        self._dedup = DedupWindow(storage)
        self._use = DailyUse()

    def load(self, daily_use: list[int] | None) -> None:
        self._dedup.load()
        if daily_use:
            self._use = DailyUse(*daily_use)

    async def publish(self, publications: Sequence[Publication]) -> list[Receipt]:
        """Publish messages and return one receipt for each.

        Raises: ApiError when a message is not valid or exceeds the plan. Then no message is published.
        """
        now = wall_ms()
        messages = [self._message(publication, now) for publication in publications]
        self._use.take(len(messages), self._plan.daily_quota, now)
        self._storage.save_state("daily_use", [self._use.day, self._use.used])
        return await self._accept(messages, now)

    async def fire(self, publication: Publication, schedule_id: str) -> Receipt:
        """Publish a schedule's message without counting it against the daily quota.

        The creation of the schedule has checked the message.
        """
        now = wall_ms()
        message = self._message(publication, now)
        message.schedule_id = schedule_id
        return (await self._accept([message], now))[0]

    async def publish_again(self, dead: Message, newer: Headers) -> Receipt:
        """Publish a dead letter again, now, with a new id. `newer` replaces headers of the same names."""
        kept = upstash.without(dead.headers, "upstash-not-before", "upstash-delay", "upstash-deduplication-id")
        publication = Publication(dead.url, dead.body, upstash.override(kept, newer), dead.caller_ip)
        return (await self.publish([publication]))[0]

    def check(self, publication: Publication) -> None:
        """Check a publication without publishing it.

        Raises: ApiError when it is not valid or exceeds the plan.
        """
        self._message(publication, wall_ms())

    async def cancel(self, messages: Sequence[Message]) -> int:
        """Cancel messages and return their number."""
        now = wall_ms()
        for message in messages:
            self._storage.add_event(now, "CANCEL_REQUESTED", message)
            self._storage.add_event(now, "CANCELED", message)
            self._outbox.remove(message)
        await self._storage.commit()
        return len(messages)

    async def lose(self, message: Message) -> None:
        """Remove a message without an event, as a fault."""
        self._outbox.remove(message)
        await self._storage.commit()

    def reset(self) -> None:
        self._outbox.clear()
        self._dedup.clear()
        self._faults.clear()
        self._use = DailyUse()

    def _message(self, publication: Publication, now_ms: int) -> Message:
        message = Message(
            id=new_id("msg"),
            url=publication.url,
            body=publication.body,
            headers=publication.headers,
            created_at=now_ms,
            not_before=now_ms,
            next_at=now_ms,
            max_retries=0,
            caller_ip=publication.caller_ip,
        )
        self._plan.check(message.instructions, now_ms)
        message.not_before = message.next_at = message.instructions.due_ms(now_ms)
        message.max_retries = self._plan.retries(message.instructions)
        return message

    async def _accept(self, messages: Sequence[Message], now_ms: int) -> list[Receipt]:
        receipts, new = [], []
        for message in messages:
            first = self._first(message, now_ms)
            receipts.append(Receipt(first or message.id, deduplicated=first is not None))
            if first is None and not self._faults.take_drop():
                self._outbox.add(message)
                new.append(message)
        try:
            await self._storage.commit()
        finally:
            # Arm after the commit, even if it failed: a repeated publish is answered as a duplicate of this message.
            self._outbox.arm(new)
        return receipts

    def _first(self, message: Message, now_ms: int) -> str | None:
        key = dedup_key(message.url, message.body, message.instructions)
        if key is None:
            return None
        first = self._dedup.first(key, now_ms)
        if first is None:
            self._dedup.remember(key, message.id, now_ms)
        return first
