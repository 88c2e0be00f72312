"""The end of an account's access: a warning to an author scheduling beyond it, an alert days before it."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.oauth import usable_until
from app.domain.post import Account
from app.domain.times import to_wire
from app.store.accounts import tokens
from app.store.accounts.accounts import MEMBER_LEFT, RECONNECT_REQUIRED
from app.store.operations import alerts

RECONNECT_SOON = "reconnect_soon"
#: The alerts about one account. A new token ends them.
ACCOUNT_ALERTS = (RECONNECT_REQUIRED, RECONNECT_SOON, MEMBER_LEFT)


def refresh_ahead(deps: Deps) -> timedelta:
    """Return how long before its end an access token is refreshed."""
    return timedelta(days=deps.settings.token_refresh_ahead_days)


def expiry_warnings(deps: Deps, account: Account, at: datetime) -> list[tuple[str, str]]:
    """Return (code, message) where the account is disconnected, or its access ends before `at` for good."""
    if account.status == RECONNECT_REQUIRED:
        return [(RECONNECT_REQUIRED, "The platform no longer accepts this account's connection. Reconnect it.")]
    end = usable_until(account, deps.linkedin is not None)
    if end is None or end > at:
        return []
    return [("token_expires_before", f"The account's access ends at {to_wire(end)}, before this post. Reconnect it.")]


def alert_expiring(deps: Deps, before: datetime) -> None:
    """Raise an alert for each account with access ending before then, where only the owner can renew it.

    The alerts of the other accounts are cleared.
    """
    with deps.db.reading() as connection:
        known = alerts.subjects(connection, RECONNECT_SOON)
        limit = deps.settings.sweep_batch_size + len(known)
        found = tokens.ending(connection, before, deps.linkedin is not None, limit)
    new = [account_id for account_id in found if account_id not in known]
    renewed = known.difference(found) if len(found) < limit else set()
    if not new and not renewed:
        return
    with deps.db.transaction() as tx:
        alerts.raise_for_many(tx, RECONNECT_SOON, new, CURES[RECONNECT_SOON], deps.clock.now())
        alerts.clear_subjects(tx, RECONNECT_SOON, renewed)
