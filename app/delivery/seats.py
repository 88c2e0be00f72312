"""Seats for waiting deliveries. A waiting delivery must not keep a due one from a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.errors import Stopping
from app.domain.fairness import owner_of
from app.domain.post import Post
from app.domain.seats import Seat
from app.domain.turns import leave

NOTICED_WITHIN = timedelta(seconds=0.25)  # a request to stop, or a seat given to another owner
COMES_BACK_WITHIN = timedelta(seconds=2)  # Retry-After 1, and the start of the next try


def wait_until(deps: Deps, post: Post, due: datetime) -> bool:
    """Sleep until `due`. Return False where no seat is free, or where the seat was given to another owner.

    Raises: Stopping where this process was asked to end meanwhile.
    """
    if due <= deps.clock.now():
        return True
    leave()
    seat = take_seat(deps, post)
    if seat is None:
        return False
    try:
        return _sleep_until(deps, seat, due)
    finally:
        release_seat(deps, seat)


def _sleep_until(deps: Deps, seat: Seat, due: datetime) -> bool:
    if deps.stop is None:
        deps.clock.sleep_until(due)
        return True
    while due > (now := deps.clock.now()):
        if is_let_go(deps, due):
            raise Stopping()
        if seat.withdrawn:
            return False
        deps.clock.sleep_until(min(due, now + NOTICED_WITHIN))
    return True


def is_let_go(deps: Deps, due: datetime) -> bool:
    """Return True if this process was asked to end, and a delivery for `due` can come back in time.

    A nearer instant is kept, because the delivery would come back after it.
    """
    return deps.stop is not None and deps.stop.requested and due - deps.clock.now() > COMES_BACK_WITHIN


def wait_for(deps: Deps, post: Post, duration: timedelta) -> bool:
    """Sleep for `duration`. Return and raise as `wait_until`."""
    return wait_until(deps, post, deps.clock.now() + duration)


def take_seat(deps: Deps, post: Post, leave: Callable[[], None] | None = None) -> Seat | None:
    """Take a seat for a delivery of the post, None where it gets none. `leave` is called if the seat is withdrawn."""
    if deps.seats is None:
        return None
    return deps.seats.take(owner_of(post), (post.id, post.generation), leave)


def release_seat(deps: Deps, seat: Seat) -> None:
    """Give back a taken seat."""
    if deps.seats is not None:
        deps.seats.release(seat)
