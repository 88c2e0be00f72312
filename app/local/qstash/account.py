"""The parts put together, and their order of starting and stopping.

Promise: nothing is delivered before the port is ours, and nothing written is left behind when the process ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.local.qstash.background_tasks import BackgroundTasks
from app.local.qstash.http_delivery import Courier
from app.local.qstash.request_log import RequestLog
from app.local.qstash.timers import Alarm

from .broker import Broker
from .delivery import Deliveries
from .destination import Detours
from .faults import Faults
from .outbox import Outbox
from .plan import Plan
from .schedules import Schedules
from .signing import SigningKeys
from .storage import Storage

STOP_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the command line and the environment decide."""

    token: str
    keys: SigningKeys
    data: str
    detours: Mapping[str, str]
    plan: Plan
    retry_unit: float
    request_log: bool


class Account:
    """One account with its messages, schedules and keys."""

    def __init__(self, settings: Settings) -> None:
        self.token = settings.token
        self.faults = Faults()
        self.log = RequestLog(settings.request_log)
        self.storage = Storage(settings.data)
        self._first_keys = settings.keys
        self.keys = settings.keys
        self._tasks = BackgroundTasks()
        self._alarm = Alarm()
        self._courier = Courier(Detours(settings.detours), lambda: self.keys.current)
        self.outbox = Outbox(self.storage, self._alarm)
        self.broker = Broker(self.storage, self.outbox, settings.plan, self.faults)
        self.schedules = Schedules(self.storage, self._alarm, self.broker, settings.plan, self._tasks)
        deliveries = Deliveries(
            self.outbox, self.storage, self._courier, settings.plan, settings.retry_unit, self._tasks, self.log
        )
        self.outbox.on_due = deliveries.start

    def load(self) -> None:
        state = self.storage.load_state()
        self.keys = _stored_keys(state.get("keys"), self._first_keys)
        self.broker.load(state.get("daily_use"))
        self.outbox.load()
        self.schedules.load()

    async def start(self) -> None:
        await self._courier.open()
        self.outbox.arm_all()
        self.schedules.arm_all()

    async def stop(self) -> None:
        """What is still out after the grace stays on disk and is delivered after the next start."""
        self._alarm.stop()
        await self._tasks.stop(STOP_GRACE_SECONDS)
        await self._courier.close()
        await self.storage.journal.close()

    async def rotate_keys(self) -> SigningKeys:
        self.keys = self.keys.rotated()
        first, now = self._first_keys, self.keys
        self.storage.save_state("keys", [first.current, first.next, now.current, now.next])
        await self.storage.commit()
        return self.keys

    async def reset(self) -> None:
        self.broker.reset()
        self.schedules.clear()
        self.keys = self._first_keys
        self.storage.clear()
        await self.storage.commit()


def _stored_keys(stored: list[str] | None, configured: SigningKeys) -> SigningKeys:
    """Rotated keys hold until the operator configures other ones."""
    if stored and stored[:2] == [configured.current, configured.next]:
        return SigningKeys(*stored[2:])
    return configured
