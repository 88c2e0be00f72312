"""Seats for waiting deliveries. A waiting delivery must not keep a due one from a worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.errors import Stopping

STOP_NOTICED_WITHIN = timedelta(seconds=0.25)
COMES_BACK_WITHIN = timedelta(seconds=2)  # Retry-After 1, and the start of the next try


def wait_until(deps: Deps, due: datetime) -> bool:
    """Sleep until `due`. Return False at once where no seat is free.

    Raises: Stopping where this process was asked to end meanwhile.
    """
    if due <= deps.clock.now():
        return True
    if not take_seat(deps):
        return False
    try:
        _sleep_until(deps, due)
    finally:
        release_seat(deps)
    return True


def _sleep_until(deps: Deps, due: datetime) -> None:
    if deps.stop is None:
        deps.clock.sleep_until(due)
        return
    while due > (now := deps.clock.now()):
        if is_let_go(deps, due):
            raise Stopping()
        deps.clock.sleep_until(min(due, now + STOP_NOTICED_WITHIN))


def is_let_go(deps: Deps, due: datetime) -> bool:
    """Return True if this process was asked to end, and a delivery for `due` can come back in time.

    A nearer instant is kept, because the delivery would come back after it.
    """
    return deps.stop is not None and deps.stop.requested and due - deps.clock.now() > COMES_BACK_WITHIN


def wait_for(deps: Deps, duration: timedelta) -> bool:
    """Sleep for `duration`. Return False at once where no seat is free. Raises as `wait_until`."""
    return wait_until(deps, deps.clock.now() + duration)


def take_seat(deps: Deps) -> bool:
    """Return True if a seat was free and is now taken."""
    return deps.seats is not None and deps.seats.acquire(blocking=False)


def release_seat(deps: Deps) -> None:
    """Give back a taken seat."""
    if deps.seats is not None:
        deps.seats.release()
