"""Refresh access tokens ahead of their end, one call at a time per account.

Invariant: a failure that may pass disconnects no account, and a late answer never overwrites a newer token.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from app.accounts.connect import lifetime_end
from app.accounts.expiry import ACCOUNT_ALERTS, RECONNECT_SOON, alert_expiring, refresh_ahead
from app.alarms import arm
from app.alerts import raise_alert
from app.delivery.postpone import release_held
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.errors import Locked, Unavailable
from app.domain.oauth import AuthorizationError, Grant
from app.domain.ports import Vault
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.log import emit
from app.store.accounts import accounts, tokens
from app.store.operations import alerts
from app.store.retried_writes import persist

LEASE_MARGIN = timedelta(seconds=60)  # past the call's own bound, for writing the answer
MIN_PAUSE, MAX_PAUSE = timedelta(minutes=5), tokens.LONGEST_PAUSE  # between failed tries. The pause doubles
MIN_SECONDS = 3.0  # for a refresh at the last moment: a send with an expired token fails for certain
#: Failures of the service itself: the next account may fail in the same way.
SERVICE_FAILURES = ("unreachable", "rate_limited")
FAILURES_TO_STOP = 3  # of the service, for different owners in a row

#: `idle`: no refresh is due, a retry is too early, or another process refreshes. `superseded`: the owner reconnected
#: meanwhile. Otherwise the code of the AuthorizationError.
Refreshed = Literal["refreshed", "idle", "superseded"] | str


def refresh_due(deps: Deps, until: datetime) -> None:
    """Refresh the tokens ending within TOKEN_REFRESH_AHEAD_DAYS, then raise alerts for the others.

    Stops at `until`.
    """
    now = deps.clock.now()
    before = now + refresh_ahead(deps)
    if deps.linkedin is not None:
        with deps.db.reading() as connection:
            due = tokens.due(connection, before, now, deps.settings.sweep_batch_size)
        _refresh_in_turn(deps, due, before, until)
    alert_expiring(deps, before)


def _refresh_in_turn(deps: Deps, due: list[tokens.DueAccount], before: datetime, until: datetime) -> None:
    """Refresh the accounts, one owner after the other.

    A failure of the service leaves out the owner's other accounts, and FAILURES_TO_STOP in a row end the step. One
    failure can concern one token alone, such as LinkedIn's limit for each member.
    """
    failed, in_a_row = set[str](), 0
    for account_id, owner in due:
        if deps.clock.now() >= until or in_a_row >= FAILURES_TO_STOP:
            return
        if owner in failed:
            continue
        if _refresh_isolated(deps, account_id, before) in SERVICE_FAILURES:
            failed.add(owner)
            in_a_row += 1
        else:
            in_a_row = 0


def _refresh_isolated(deps: Deps, account_id: str, before: datetime) -> Refreshed:
    """Refresh one account. An unexpected error or a locked row is logged, so it cannot stop the others."""
    try:
        return refresh(deps, account_id, before)
    except Locked:
        emit("account.refresh_postponed", account_id=account_id)
        return "idle"
    except Unavailable:
        raise
    except Exception:
        emit("account.refresh_broke", account_id=account_id, exc_info=True)
        return "broke"


def renew_account(deps: Deps, account: Account, due: datetime) -> Account | None:
    """Return the account for a post due then, with a new token where the present one will have expired.

    The refresh gets the seconds until the instant, at least MIN_SECONDS. Without a new token the account is returned
    as it is, and the platform decides.
    """
    due = max(due, deps.clock.now())
    if account.expires_at is None or account.expires_at > due or not account.renewable:
        return account
    refresh(deps, account.id, due, max((due - deps.clock.now()).total_seconds(), MIN_SECONDS))
    with deps.db.reading() as connection:
        return accounts.by_id(connection, account.id)


def refresh(deps: Deps, account_id: str, before: datetime, seconds: float | None = None) -> Refreshed:
    """Refresh the account's tokens if its access ends before then. The call lasts at most `seconds`.

    Raises: Unavailable.
    """
    if deps.linkedin is None or deps.vault is None:
        return "idle"
    now = deps.clock.now()
    until = now + timedelta(seconds=deps.settings.linkedin_timeout_seconds) + LEASE_MARGIN
    with deps.db.transaction() as tx:
        account = tokens.acquire_lease(tx, account_id, before, now, until)
    if account is None:
        return "idle"
    outcome: Refreshed
    try:
        grant = deps.linkedin.refresh(_opened(deps.vault, account), seconds)
    except AuthorizationError as error:
        outcome = _record_failure(deps, account, until, error)
    else:
        values = _sealed(deps.vault, account, grant, now)
        outcome = "refreshed" if persist(deps.clock, lambda: _store(deps, account, values)) else "superseded"
    emit("account.refresh", account_id=account_id, outcome=outcome)
    return outcome


def _opened(vault: Vault, account: Account) -> str:
    try:
        return vault.decrypt(account.refresh_token or "", refresh_token_of(account.id))
    except ValueError:
        raise AuthorizationError("unreadable", "no key of TOKEN_ENCRYPTION_KEYS opens the refresh token") from None


def _sealed(vault: Vault, account: Account, grant: Grant, asked_at: datetime) -> dict[str, Any]:
    """Return the account's new columns. An answer without a refresh token keeps the old one and its end."""
    values: dict[str, Any] = {
        "access_token": vault.encrypt(grant.access_token, access_token_of(account.id)),
        "expires_at": lifetime_end(grant.expires_in, asked_at),
        # Access tokens live shorter as a refresh token nears its end. Without this, each sweep would ask again.
        "refresh_retry_at": lifetime_end(grant.expires_in and grant.expires_in / 2, asked_at),
    }
    if grant.refresh_token is not None:
        values["refresh_token"] = vault.encrypt(grant.refresh_token, refresh_token_of(account.id))
    if grant.refresh_expires_in is not None:
        values["refresh_expires_at"] = lifetime_end(grant.refresh_expires_in, asked_at)
    return values


def _store(deps: Deps, account: Account, values: dict[str, Any]) -> bool:
    """Store the new tokens. Return False where the account has others by now."""
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        if not tokens.renew(tx, account, values, now):
            return False
        alerts.clear(tx, "authorization_refused", "linkedin")
        alerts.clear_kinds(tx, ACCOUNT_ALERTS, account.id)
        # The account may have been marked during the call, for the token that is now replaced.
        released = release_held(tx, account.id, now)
    for post in released:
        arm(deps, post)
    return True


def _record_failure(deps: Deps, account: Account, until: datetime, error: AuthorizationError) -> Refreshed:
    """Give up the refresh token at `invalid_grant`, a final answer. Put every other failure off for a later try."""
    now = deps.clock.now()
    emit("account.refresh_failed", account_id=account.id, code=error.code, detail=error.detail)
    with deps.db.transaction() as tx:
        if error.code == "invalid_grant":
            status = tokens.drop_refresh_token(tx, account, now)
            if status is None:
                return "superseded"
            kind = accounts.RECONNECT_REQUIRED if status == accounts.RECONNECT_REQUIRED else RECONNECT_SOON
            alerts.clear_kinds(tx, ACCOUNT_ALERTS, account.id)
            alerts.raise_alert(tx, kind, account.id, CURES[kind], now)
            return error.code
        tries = tokens.failures(tx, account.id)
        pause = min(MIN_PAUSE * 2 ** min(tries, 10), MAX_PAUSE)
        tokens.postpone(tx, account, until, now + pause)
    if error.code == "invalid_client":
        raise_alert(deps, "authorization_refused", "linkedin", CURES["authorization_refused"])
    return error.code
