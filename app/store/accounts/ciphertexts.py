"""The encrypted columns, for their encryption with another key.

Invariant: a ciphertext is replaced only if it is unchanged, and never during a refresh. The refresh recognises its
connection by the ciphertexts, and would drop the platform's new token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, or_, select, update

from app.domain.sealing import access_token_of, endpoint_secret_of, previous_secret_of, refresh_token_of, verifier_of
from app.store.accounts.oauth_states import LIFETIME
from app.store.accounts.tokens import LONGEST_LEASE
from app.store.ends import is_over
from app.store.schema.columns import Condition
from app.store.schema.tables import oauth_states, social_accounts
from app.store.schema.webhooks import webhook_endpoints


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """One encrypted column, the key of its table, and the name of a row's field."""

    key: sa.Column[str]
    column: sa.Column[Any]
    field_of: Callable[[str], str]

    @property
    def title(self) -> str:
        return f"{self.column.table.name}.{self.column.name}"


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """One stored secret, and the key of its row."""

    key: str
    stored: str


A, S, E = social_accounts.c, oauth_states.c, webhook_endpoints.c
#: Every encrypted column of the database.
ENCRYPTED_COLUMNS = (
    EncryptedColumn(A.id, A.access_token, access_token_of),
    EncryptedColumn(A.id, A.refresh_token, refresh_token_of),
    EncryptedColumn(S.state_hash, S.verifier, verifier_of),
    EncryptedColumn(E.id, E.secret, endpoint_secret_of),
    EncryptedColumn(E.id, E.previous_secret, previous_secret_of),
)


def page(
    connection: Connection, encrypted: EncryptedColumn, after: str | None, now: datetime, limit: int
) -> list[Ciphertext]:
    """Return the next ciphertexts in the order of their keys. Expired OAuth flows are left out."""
    where = [encrypted.column.is_not(None), *([encrypted.key > after] if after is not None else [])]
    if encrypted.column.table is oauth_states:
        where.append(~is_over(S.expires_at, now, now + LIFETIME))
    statement = select(encrypted.key, encrypted.column).where(*where).order_by(encrypted.key).limit(limit)
    return [Ciphertext(key, stored) for key, stored in connection.execute(statement)]


def read(connection: Connection, encrypted: EncryptedColumn, keys: Sequence[str]) -> list[Ciphertext]:
    """Return the present ciphertexts of these rows. A removed row has none."""
    statement = select(encrypted.key, encrypted.column).where(encrypted.key.in_(keys), encrypted.column.is_not(None))
    return [Ciphertext(key, stored) for key, stored in connection.execute(statement)]


def replace(tx: Connection, encrypted: EncryptedColumn, former: Ciphertext, new: str, now: datetime) -> bool:
    """Store the same secret under another key. Returns False if the row changed or its tokens are refreshed now."""
    where = (encrypted.key == former.key, encrypted.column == former.stored, *_at_rest(encrypted, now))
    statement = update(encrypted.column.table).where(*where).values({encrypted.column.name: new})
    return tx.execute(statement).rowcount == 1


def _at_rest(encrypted: EncryptedColumn, now: datetime) -> list[Condition]:
    if encrypted.column.table is not social_accounts:
        return []
    return [or_(A.refresh_lease_until.is_(None), is_over(A.refresh_lease_until, now, now + LONGEST_LEASE))]
