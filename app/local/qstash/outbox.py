"""The undelivered messages: in memory for speed, on disk for safety, each with its alarm.

Promise: a message is in here from its publish until it is delivered, cancelled or dead, and rings when it is due.
"""

from collections.abc import Callable, Iterable

from app.local.qstash.timers import Alarm, wall_ms

from .message import Message
from .storage import Storage


class Outbox:
    """Every change goes to memory and to the journal in the same step, with no await between."""

    def __init__(self, storage: Storage, alarm: Alarm) -> None:
        self._storage = storage
        self._alarm = alarm
        self._messages: dict[str, Message] = {}
        self.era = 0  # how often everything was forgotten
        self.on_due: Callable[[Message], None] = lambda message: None

    def load(self) -> None:
        self._messages = {message.id: message for message in self._storage.load_messages()}

    def arm_all(self) -> None:
        self.arm(self._messages.values())

    def get(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def holds(self, message: Message) -> bool:
        """False once it was cancelled or lost, which may happen while it is out for delivery."""
        return self._messages.get(message.id) is message

    def all(self) -> list[Message]:
        return list(self._messages.values())

    def add(self, message: Message) -> None:
        self._messages[message.id] = message
        self._storage.insert_message(message)
        self._storage.add_event(wall_ms(), "CREATED", message, next_at=message.next_at)

    def arm(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self.holds(message):
                self._alarm.set(message.id, message.next_at, self._ring(message))

    def postpone(self, message: Message, at_ms: int) -> None:
        message.retried += 1
        message.next_at = at_ms
        self._storage.update_message(message)
        self.arm([message])

    def remove(self, message: Message) -> None:
        del self._messages[message.id]
        self._alarm.clear(message.id)
        self._storage.delete_message(message.id)

    def clear(self) -> None:
        self.era += 1
        for message in self.all():
            self.remove(message)

    def _ring(self, message: Message) -> Callable[[], None]:
        return lambda: self.on_due(message)
