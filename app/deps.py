"""The dependencies of every use case: settings, clock, database, outside services, bounds on waiting."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from app.domain.delivery import DeliveryResult, ReadyDelivery, StopRequest
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from app.domain.lead import MeasuredLead
from app.domain.oauth import Authorizer
from app.domain.ports import (
    AddressProbe,
    Clock,
    MediaCheck,
    MediaFiles,
    MessageLog,
    MessageService,
    Publisher,
    Schedules,
    Vault,
)
from app.domain.post import Account
from app.domain.seats import Seats
from app.domain.sign_in import SignIn
from app.domain.traces import Tracer
from app.domain.verifiers import DeliveryVerifier, UserVerifier
from app.domain.webhooks import EventMessages, EventSender
from app.settings.values import Settings
from app.store.engine import Database

if TYPE_CHECKING:
    from app.store.operations.call_counts import CallCounts

#: Runs the work over the items, so many at a time, and returns the results in order.
RunMany = Callable[[Callable[[Any], Any], Iterable[Any], int], list[Any]]
NEAR_SECONDS = 0.01  # an instant so near counts as here: its claim is being written


class DeliveryGate(Protocol):
    """The passage from prepared to settled. `app.delivery.gate` passes many deliveries of one instant together."""

    def deliver(self, deps: Deps, delivery: ReadyDelivery, /) -> DeliveryResult:
        """Wait for the instant, claim, send and settle.

        Raises: Unavailable where nothing was recorded.
        """
        ...

    def is_busy(self, deps: Deps, /, within: float = NEAR_SECONDS) -> bool:
        """Return True while a due delivery has not left, or the next instant is less than `within` seconds away."""
        ...


class AccountRenewal(Protocol):
    """The refresh of an account's token just before a send. `app.accounts.refresh` does it."""

    def __call__(self, deps: Deps, account: Account, due: datetime, /) -> Account | None:
        """Return the account with a token good at `due`, or as it is without one."""
        ...


@dataclass(frozen=True)
class Deps:
    """Made once by wiring.

    `messages` is None in poll mode. `publisher`, `vault` and `linkedin` are None while not configured. `media` is
    None where media are not checked before the instant, and so is `media_files`, the look for authors. `seats` bounds
    the deliveries that wait for their instant. None means that none may wait. `database_clock` is True where the
    database has a clock of its own. Claims and sweeps then compare it with ours. `more_publishers` are those after the
    first one, and `in_flight` has a lane for each. `stop` is None where the end of the process is not announced.
    `event_messages` is None in poll mode, `event_sender` where no event is delivered,
    and `call_counts` without METRICS_SECRET.
    """

    settings: Settings
    clock: Clock
    db: Database
    messages: MessageService | None
    publisher: Publisher | None
    vault: Vault | None
    gate: DeliveryGate
    renew_account: AccountRenewal
    run_many: RunMany
    seats: Seats | None
    linkedin: Authorizer | None = None
    media: MediaCheck | None = None
    media_files: MediaFiles | None = None
    database_clock: bool = False
    stop: StopRequest | None = None
    event_messages: EventMessages | None = None
    event_sender: EventSender | None = None
    call_counts: CallCounts | None = None
    lead: MeasuredLead = field(default_factory=MeasuredLead)
    in_flight: InFlight | Lanes = field(default_factory=InFlight)
    more_publishers: tuple[Publisher, ...] = ()
    random: Callable[[], float] = field(default=random.random)

    @property
    def publishers(self) -> tuple[Publisher, ...]:
        """All publishers in the order of N8N_WEBHOOK_URL."""
        return () if self.publisher is None else (self.publisher, *self.more_publishers)


@dataclass(frozen=True)
class Services:
    """The needs of the web layer and the commands: those of the use cases, and two verifiers.

    `schedules` and `message_log` are None in poll mode, `own_address` without PUBLIC_BASE_URL, `tracer` without a
    collector of traces, and `sign_in` without CONSOLE_OIDC_ISSUER.
    """

    deps: Deps
    users: UserVerifier
    deliveries: DeliveryVerifier
    schedules: Schedules | None = None
    message_log: MessageLog | None = None
    own_address: AddressProbe | None = None
    tracer: Tracer | None = None
    sign_in: SignIn | None = None
