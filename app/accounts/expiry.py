"""What is known of an access's end: a warning for the author who schedules beyond it, an alert days before it."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.oauth import usable_until
from app.domain.post import Account
from app.domain.times import to_wire
from app.log import emit
from app.store.accounts import tokens
from app.store.operations import alerts

SOON = "reconnect_soon"


def ahead(deps: Deps) -> timedelta:
    return timedelta(days=deps.settings.token_refresh_ahead_days)


def expiry_warnings(deps: Deps, account: Account, at: datetime) -> list[tuple[str, str]]:
    """(code, message) when the account's access will be over by the post's instant and no refresh can help."""
    end = usable_until(account, deps.linkedin is not None)
    if end is None or end > at:
        return []
    return [("token_expires_before", f"The account's access ends at {to_wire(end)}, before this post: reconnect it.")]


def warn_ahead(deps: Deps, before: datetime) -> None:
    """One alert for each account whose access ends before and that only its owner can renew; those that are
    cured lose theirs."""
    with deps.db.reading() as connection:
        known = alerts.subjects(connection, SOON)
        limit = deps.settings.sweep_batch_size + len(known)
        found = tokens.ending(connection, before, deps.linkedin is not None, limit)
    new = [account_id for account_id in found if account_id not in known]
    cured = known.difference(found) if len(found) < limit else set()
    if not new and not cured:
        return
    with deps.db.transaction() as tx:
        for account_id in new:
            alerts.raise_alert(tx, SOON, account_id, CURES[SOON], deps.clock.now())
        for account_id in cured:
            alerts.clear(tx, SOON, account_id)
    for account_id in new:
        emit("alert", kind=SOON, subject=account_id)
