"""The account: all parts of the stand-in, and the order of their start and stop.

Invariant: no delivery starts before the port is bound, and every queued write is on disk when the process ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .background_tasks import BackgroundTasks
from .broker import Broker
from .delivery import Deliveries
from .destination import HostOverrides
from .faults import Faults
from .http_delivery import HttpDelivery
from .outbox import Outbox
from .plan import Plan
from .request_log import RequestLog
from .schedules import Schedules
from .signing import SigningKeys
from .storage import Storage
from .timers import Timers

STOP_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the command line and the environment."""

    token: str
    keys: SigningKeys
    data: str
    host_overrides: Mapping[str, str]
    plan: Plan
    retry_unit: float
    request_log: bool


class Account:
    """One account with its messages, schedules and signing keys."""

    def __init__(self, settings: Settings) -> None:
        self.token = settings.token
        self.faults = Faults()
        self.log = RequestLog(settings.request_log)
        self.storage = Storage(settings.data)
        self._configured_keys = settings.keys
        self.keys = settings.keys
        self._tasks = BackgroundTasks()
        self._timers = Timers()
        self._http = HttpDelivery(HostOverrides(settings.host_overrides), lambda: self.keys.current)
        self.outbox = Outbox(self.storage, self._timers)
        self.broker = Broker(self.storage, self.outbox, settings.plan, self.faults)
        self.schedules = Schedules(self.storage, self._timers, self.broker, settings.plan, self._tasks)
        deliveries = Deliveries(
            self.outbox,
            self.storage,
            self._http,
            settings.plan,
            settings.retry_unit,
            self._tasks,
            self.log,
            self.faults,
        )
        self.outbox.on_due = deliveries.start

    def load(self) -> None:
        """Read the data file. Blocks, so call it before anything is served."""
        state = self.storage.load_state()
        self.keys = _stored_keys(state.get("keys"), self._configured_keys)
        self.broker.load(state.get("daily_use"))
        self.outbox.load()
        self.schedules.load()

    async def start(self) -> None:
        """Start delivering."""
        await self._http.open()
        self.outbox.arm_all()
        self.schedules.arm_all()

    async def stop(self) -> None:
        """Stop delivering after a grace of 2 s.

        A delivery that is cut off stays on disk and is repeated after the next start.
        """
        self._timers.stop()
        await self._tasks.stop(STOP_GRACE_SECONDS)
        await self._http.close()
        await self.storage.database.close()

    async def rotate_keys(self) -> SigningKeys:
        """Replace the current key by the next one, and store the result."""
        self.keys = self.keys.rotated()
        configured, now = self._configured_keys, self.keys
        self.storage.save_state("keys", [configured.current, configured.next, now.current, now.next])
        await self.storage.commit()
        return self.keys

    async def reset(self) -> None:
        """Delete all data and restore the configured keys."""
        self.broker.reset()
        self.schedules.clear()
        self.keys = self._configured_keys
        self.storage.clear()
        await self.storage.commit()


def _stored_keys(stored: list[str] | None, configured: SigningKeys) -> SigningKeys:
    """Return the stored rotated keys, or the configured keys if the operator has changed them since."""
    if stored and stored[:2] == [configured.current, configured.next]:
        return SigningKeys(*stored[2:])
    return configured
