"""Keep accounts connected: new access tokens for refresh tokens, ahead of the end, one at a time per account.

Promise: a failure that may pass disconnects nobody, and a late answer never overwrites what the owner did meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.accounts.connect import ends
from app.accounts.expiry import SOON, ahead, warn_ahead
from app.alarms import arm
from app.alerts import alert
from app.delivery.settle import persist
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.errors import Unavailable
from app.domain.oauth import AuthorizationError, Grant
from app.domain.ports import Vault
from app.domain.post import Account
from app.log import emit
from app.posts.drafts import release_held
from app.store.accounts import accounts, tokens
from app.store.operations import alerts

TURN_MARGIN = timedelta(seconds=60)  # past the call's own bound, for writing down what came of it
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)  # between tries that failed; doubling
LEAST_SECONDS = 3.0  # for a refresh at the last moment: a send with a token that is over would fail for certain


def look_after_accounts(deps: Deps, until: datetime) -> None:
    """The sweep's step: renew what ends within TOKEN_REFRESH_AHEAD_DAYS, then say what only owners can renew."""
    now = deps.clock.now()
    before = now + ahead(deps)
    if deps.linkedin is not None:
        with deps.db.reading() as connection:
            due = tokens.due(connection, before, now, deps.settings.sweep_batch_size)
        for account_id in due:
            if deps.clock.now() >= until or _renewed(deps, account_id, before) in ("unreachable", "rate_limited"):
                break  # the others would only wait for the same
    warn_ahead(deps, before)


def _renewed(deps: Deps, account_id: str, before: datetime) -> str:
    """One account's trouble is its own; its turn runs out by itself."""
    try:
        return refresh(deps, account_id, before)
    except Unavailable:
        raise
    except Exception:
        emit("account.refresh_broke", account_id=account_id, exc_info=True)
        return "broke"


def with_fresh_token(deps: Deps, account: Account | None, due: datetime) -> Account | None:
    """The account as a post due then should use it: where its token will be over, with a new one if that can be had
    in the time left. In doubt the account as it is: the platform decides."""
    due = max(due, deps.clock.now())
    if account is None or account.expires_at is None or account.expires_at > due or account.refresh_token is None:
        return account
    refresh(deps, account.id, due, max((due - deps.clock.now()).total_seconds(), LEAST_SECONDS))
    with deps.db.reading() as connection:
        return accounts.by_id(connection, account.id)


def refresh(deps: Deps, account_id: str, before: datetime, seconds: float | None = None) -> str:
    """Renew the tokens of an account whose access ends before, asking for at most `seconds`. Returns `refreshed`,
    `idle` (nothing to do, too early to try again, or another is at it), `superseded` (the owner was faster), or the
    AuthorizationError's code. Raises Unavailable."""
    if deps.linkedin is None or deps.vault is None:
        return "idle"
    now = deps.clock.now()
    until = now + timedelta(seconds=deps.settings.linkedin_timeout_seconds) + TURN_MARGIN
    with deps.db.transaction() as tx:
        account = tokens.take_turn(tx, account_id, before, now, until)
    if account is None:
        return "idle"
    try:
        grant = deps.linkedin.refresh(_opened(deps.vault, account), seconds)
    except AuthorizationError as error:
        outcome = _failed(deps, account, until, error)
    else:
        values = _sealed(deps.vault, account, grant, now)
        outcome = "refreshed" if persist(deps, lambda: _store(deps, account, values)) else "superseded"
    emit("account.refresh", account_id=account_id, outcome=outcome)
    return outcome


def _opened(vault: Vault, account: Account) -> str:
    try:
        return vault.decrypt(account.refresh_token or "")
    except ValueError:
        raise AuthorizationError("unreadable", "no key of TOKEN_ENCRYPTION_KEYS opens the refresh token") from None


def _sealed(vault: Vault, account: Account, grant: Grant, asked_at: datetime) -> dict[str, Any]:
    """Where the answer names no refresh token, the old one stays, and so does its end."""
    values: dict[str, Any] = {
        "access_token": vault.encrypt(grant.access_token),
        "expires_at": ends(grant.expires_in, asked_at),
        # Lives get shorter as a refresh token nears its own end: without this, each sweep would ask again.
        "refresh_retry_at": ends(grant.expires_in and grant.expires_in / 2, asked_at),
    }
    if grant.refresh_token is not None:
        values["refresh_token"] = vault.encrypt(grant.refresh_token)
    if grant.refresh_expires_in is not None:
        values["refresh_expires_at"] = ends(grant.refresh_expires_in, asked_at)
    return values


def _store(deps: Deps, account: Account, values: dict[str, Any]) -> bool:
    with deps.db.transaction() as tx:
        if not tokens.renew(tx, account, values, deps.clock.now()):
            return False
        alerts.clear(tx, "authorization_refused", "linkedin")
        # Marked while we asked: the token that was refused then is not the one we have now.
        released = release_held(deps, tx, account.id)
    for post in released:
        arm(deps, post)
    return True


def _failed(deps: Deps, account: Account, until: datetime, error: AuthorizationError) -> str:
    """`invalid_grant` is LinkedIn's last word; anything else is tried again later, and nobody is disconnected."""
    now = deps.clock.now()
    emit("account.refresh_failed", account_id=account.id, code=error.code, detail=error.detail)
    with deps.db.transaction() as tx:
        if error.code == "invalid_grant":
            if not tokens.refuse(tx, account, now):
                return "superseded"
            alerts.clear(tx, SOON, account.id)
            alerts.raise_alert(tx, accounts.RECONNECT_REQUIRED, account.id, CURES["reconnect_required"], now)
            return error.code
        tries = tokens.failures(tx, account.id)
        pause = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
        tokens.put_off(tx, account, until, now + pause)
    if error.code == "invalid_client":
        alert(deps, "authorization_refused", "linkedin", CURES["authorization_refused"])
    return error.code
