"""Seats for waiting deliveries. A waiting delivery must not keep a due one from a worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.deps import Deps


def wait_until(deps: Deps, due: datetime) -> bool:
    """Sleep until `due`. Return False at once where no seat is free."""
    if due <= deps.clock.now():
        return True
    if not take_seat(deps):
        return False
    try:
        deps.clock.sleep_until(due)
    finally:
        release_seat(deps)
    return True


def wait_for(deps: Deps, duration: timedelta) -> bool:
    """Sleep for `duration`. Return False at once where no seat is free."""
    return wait_until(deps, deps.clock.now() + duration)


def take_seat(deps: Deps) -> bool:
    """Return True if a seat was free and is now taken."""
    return deps.seats is not None and deps.seats.acquire(blocking=False)


def release_seat(deps: Deps) -> None:
    """Give back a taken seat."""
    if deps.seats is not None:
        deps.seats.release()
