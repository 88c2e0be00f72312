"""Rows of OAuth flows in progress. The state and the browser's secret are stored as hashes.

Invariant: a state is used once. Its first use deletes the row.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from app.store.ends import is_over
from app.store.schema.tables import oauth_states

MAX_OPEN = 10  # open flows per user, the newest are kept
LIFETIME = timedelta(minutes=10)
T = oauth_states.c


@dataclass(frozen=True, slots=True)
class OAuthState:
    """One OAuth flow. The caller with its state and its browser's cookie may use it once.

    `verifier` is encrypted.
    """

    state_hash: str
    browser_hash: str
    user_id: str
    company_id: str | None
    client_id: str | None
    verifier: str
    created_at: datetime
    expires_at: datetime


FIELDS = tuple(field.name for field in fields(OAuthState))


def keep(tx: Connection, state: OAuthState) -> None:
    """Store a state. Delete expired ones and the user's oldest above MAX_OPEN."""
    prune(tx, state.created_at)
    newest = select(T.state_hash).where(T.user_id == state.user_id).order_by(T.created_at.desc(), T.state_hash)
    kept = list(tx.execute(newest.limit(MAX_OPEN - 1)).scalars())
    tx.execute(delete(oauth_states).where(T.user_id == state.user_id, T.state_hash.not_in(kept)))
    tx.execute(insert(oauth_states).values({name: getattr(state, name) for name in FIELDS}))


def take(tx: Connection, state_hash: str, browser_hash: str, now: datetime) -> OAuthState | None:
    """Return and delete the state. None means it is unknown, used, expired, or of another browser.

    A state from the future was written by a clock ahead of time. It would be valid for too long, so it has expired.
    """
    mine = (T.state_hash == state_hash, T.browser_hash == browser_hash, ~is_over(T.expires_at, now, now + LIFETIME))
    row = tx.execute(delete(oauth_states).where(*mine).returning(*(T[name] for name in FIELDS))).one_or_none()
    return OAuthState(*row) if row else None


def prune(tx: Connection, now: datetime) -> None:
    tx.execute(delete(oauth_states).where(is_over(T.expires_at, now, now + LIFETIME)))
