"""Members on their way to a platform and back: one row each, kept as hashes, and gone with its first use."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from app.store.schema.tables import oauth_states

MAX_OPEN = 10  # per user; the newest are kept
T = oauth_states.c


@dataclass(frozen=True, slots=True)
class OAuthState:
    """`verifier` is encrypted; whoever holds the state and the browser's cookie may use it once."""

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
    """Remember one, and forget what has expired or is more than a user can need."""
    newest = select(T.state_hash).where(T.user_id == state.user_id).order_by(T.created_at.desc(), T.state_hash)
    kept = list(tx.execute(newest.limit(MAX_OPEN - 1)).scalars())
    tx.execute(delete(oauth_states).where(T.user_id == state.user_id, T.state_hash.not_in(kept)))
    prune(tx, state.created_at)
    tx.execute(insert(oauth_states).values({name: getattr(state, name) for name in FIELDS}))


def take(tx: Connection, state_hash: str, browser_hash: str, now: datetime) -> OAuthState | None:
    """The state, to whoever comes first with it in the browser that it was made for; None to all others."""
    mine = (T.state_hash == state_hash, T.browser_hash == browser_hash, T.expires_at > now)
    row = tx.execute(delete(oauth_states).where(*mine).returning(*(T[name] for name in FIELDS))).one_or_none()
    return OAuthState(*row) if row else None


def prune(tx: Connection, now: datetime) -> None:
    tx.execute(delete(oauth_states).where(T.expires_at <= now))
