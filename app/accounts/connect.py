"""Connect an account by OAuth: send the member to LinkedIn with a state, take a code back, store the tokens.

Invariant: a state works once, within minutes, and only in the browser of the user who asked for it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.accounts.accounts import connect_account
from app.alerts import raise_alert
from app.companies.permissions import resolve_owner
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.errors import Conflict, Invalid, NotConfigured
from app.domain.oauth import AuthorizationError, Authorizer, Grant
from app.domain.ports import Vault
from app.domain.post import Account
from app.domain.sealing import verifier_of
from app.log import emit
from app.store.accounts import oauth_states
from app.store.accounts.oauth_states import OAuthState

STATE_LIFETIME = oauth_states.LIFETIME
RANDOM_BYTES = 32  # 43 characters, as RFC 7636, 4.1 recommends for a verifier
MAX_STATE, MAX_CODE = 128, 4096
CANCELLED = frozenset({"user_cancelled_login", "user_cancelled_authorize", "access_denied"})

NOT_YOURS = "This link was used already, is older than ten minutes, or belongs to another browser. Connect again."
DECLINED = "LinkedIn was not connected, because the request was declined there. Nothing was changed."
REFUSED = "LinkedIn did not allow the connection. Connect again. If this goes on, write to the people of this service."
AWAY = "LinkedIn did not answer as it should. Nothing was changed. Connect again in a few minutes."


@dataclass(frozen=True, slots=True, repr=False)
class Started:
    """The address to send the member to, and the secret for their browser's cookie."""

    url: str
    expires_at: datetime
    cookie: str
    browser_secret: str


def begin(deps: Deps, user_id: str, company_id: str | None = None, client_id: str | None = None) -> Started:
    """Start a connection and return the address to send the member to.

    Raises: Invalid and Forbidden as `resolve_owner` does, NotConfigured, Unavailable.
    """
    linkedin, vault = _require(deps)
    now = deps.clock.now()
    state, browser, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    sealed, expires_at = vault.encrypt(verifier, verifier_of(_hash(state))), now + STATE_LIFETIME
    url = linkedin.authorization_url(state, verifier)
    with deps.db.transaction() as tx:
        owner = resolve_owner(tx, user_id, {"company_id": company_id, "client_id": client_id})
        company, client = owner["company_id"], owner["client_id"]
        row = OAuthState(_hash(state), _hash(browser), user_id, company, client, sealed, now, expires_at)
        oauth_states.keep(tx, row)
    emit("account.connect_begun", expires_at=expires_at.isoformat())
    return Started(url, expires_at, cookie_name(state), browser)


def cookie_name(state: str) -> str:
    """Return the cookie's name, one per state, so two open windows do not share one."""
    return f"punctual_connect_{_hash(state)[:16]}"


def complete(deps: Deps, state: str, browser_secret: str, code: str, error: str) -> Account:
    """Finish a connection and return the account, connected or reconnected.

    Raises: Invalid (`state_invalid`, `connect_cancelled`, `connect_refused`), Conflict (`connect_failed`: it may work
    later), NotConfigured, Unavailable, and the errors of `connect_account` for a member who left the company meanwhile.
    """
    linkedin, vault = _require(deps)
    with deps.db.transaction() as tx:
        found = oauth_states.take(tx, _hash(state), _hash(browser_secret), deps.clock.now())
    if found is None:
        raise Invalid("state_invalid", NOT_YOURS)
    if error or not 0 < len(code) <= MAX_CODE:
        cancelled = error in CANCELLED
        emit("account.connect_declined", error=error[:64])
        raise Invalid("connect_cancelled", DECLINED) if cancelled else Invalid("connect_refused", REFUSED)
    asked_at, verifier = deps.clock.now(), _opened(vault, found)
    try:
        grant = linkedin.exchange(code, verifier)
        member = linkedin.identify(grant.access_token)
    except AuthorizationError as failure:
        emit("account.connect_failed", code=failure.code, detail=failure.detail)
        if failure.code == "invalid_client":
            raise_alert(deps, "authorization_refused", "linkedin", CURES["authorization_refused"])
        refused = failure.code in ("invalid_grant", "invalid_client", "refused")
        raise Invalid("connect_refused", REFUSED) if refused else Conflict("connect_failed", AWAY) from None
    values = {"platform": "linkedin", "external_id": member.external_id, "account_name": member.name}
    belongs = {"company_id": found.company_id, "client_id": found.client_id}
    values |= {name: value for name, value in belongs.items() if value is not None}
    account = connect_account(deps, found.user_id, values | granted(grant, asked_at), consented=True)
    emit("account.connected", account_id=account.id)
    return account


def granted(grant: Grant, asked_at: datetime) -> dict[str, Any]:
    """Return the account's columns, with the tokens in clear.

    A new consent replaces the old one whole: the former refresh token may be revoked by it.
    """
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "refresh_granted": grant.refresh_token is not None,
        "expires_at": lifetime_end(grant.expires_in, asked_at),
        "refresh_expires_at": lifetime_end(grant.refresh_expires_in, asked_at) if grant.refresh_token else None,
    }


def lifetime_end(seconds: float | None, asked_at: datetime) -> datetime | None:
    """Return the end of a lifetime, counted from before the request, so it is never later than the issuer's."""
    return asked_at + timedelta(seconds=seconds) if seconds is not None else None


def _opened(vault: Vault, found: OAuthState) -> str:
    """Return the flow's verifier.

    Raises: Invalid where its key was removed meanwhile.
    """
    try:
        return vault.decrypt(found.verifier, verifier_of(found.state_hash))
    except ValueError:
        emit("account.connect_failed", code="unreadable", detail="no key of TOKEN_ENCRYPTION_KEYS opens the verifier")
        raise Invalid("state_invalid", NOT_YOURS) from None


def _require(deps: Deps) -> tuple[Authorizer, Vault]:
    missing = {
        "LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET": deps.linkedin,
        "TOKEN_ENCRYPTION_KEYS": deps.vault,
        "PUBLIC_BASE_URL": deps.settings.public_base_url,
    }
    for setting, value in missing.items():
        if value is None:
            emit("not_configured", setting=setting)
            raise NotConfigured("not_configured", "This installation cannot connect LinkedIn accounts yet.")
    assert deps.linkedin is not None  # checked above
    assert deps.vault is not None
    return deps.linkedin, deps.vault


def _hash(text: str) -> str:
    """Hash a random secret, so a reader of the table cannot use it. A plain hash is enough for random input."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
