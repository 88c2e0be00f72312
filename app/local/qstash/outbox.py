"""The undelivered messages, in memory and on disk, each with a timer.

Invariant: the outbox holds a message from its publish until it is delivered, cancelled or dead.
"""

from collections.abc import Callable, Iterable

from .message import Message
from .storage import Storage
from .timers import Timers, wall_ms


class Outbox:
    """The pending messages by id. Every change goes to memory and to the storage without an await between."""

    def __init__(self, storage: Storage, timers: Timers) -> None:
        self._storage = storage
        self._timers = timers
        self._messages: dict[str, Message] = {}
        self.reset_count = 0
        self.on_due: Callable[[Message], None] = lambda message: None

    def load(self) -> None:
        self._messages = {message.id: message for message in self._storage.load_messages()}

    def arm_all(self) -> None:
        self.arm(self._messages.values())

    def get(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def holds(self, message: Message) -> bool:
        """Return False for a cancelled, lost or settled message. A message in flight can be cancelled too."""
        return self._messages.get(message.id) is message

    def all(self) -> list[Message]:
        return list(self._messages.values())

    def add(self, message: Message) -> None:
        """Add a message without a timer: the caller arms it after the commit."""
        self._messages[message.id] = message
        self._storage.insert_message(message)
        self._storage.add_event(wall_ms(), "CREATED", message, next_at=message.next_at)

    def arm(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self.holds(message):
                self._timers.set(message.id, message.next_at, self._callback(message))

    def postpone(self, message: Message, at_ms: int) -> None:
        """Count a retry and move the message's timer to it."""
        message.retried += 1
        message.next_at = at_ms
        self._storage.update_message(message)
        self.arm([message])

    def remove(self, message: Message) -> None:
        del self._messages[message.id]
        self._timers.clear(message.id)
        self._storage.delete_message(message.id)

    def clear(self) -> None:
        self.reset_count += 1
        for message in self.all():
            self.remove(message)

    def _callback(self, message: Message) -> Callable[[], None]:
        return lambda: self.on_due(message)
