"""An OAuthWorld with real encryption, for the rotation of keys."""

from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.adapters.vault import FernetVault
from app.domain.post import Account
from app.store.schema.tables import oauth_states, social_accounts
from tests.support.oauth_world import OAuthWorld

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
A = social_accounts.c


class Keys(OAuthWorld):
    """A world without accounts, encrypting with the keys of `use`, at first OLD."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url)
        with self.db.transaction() as tx:
            tx.execute(sa.delete(social_accounts))
        self.use(OLD)

    def use(self, *keys: str) -> None:
        self.with_deps(vault=FernetVault(keys))

    def accounts_of(self, count: int, **more: Any) -> list[Account]:
        return [self.expiring_account(external_id=f"urn:li:person:{n}", **more) for n in range(count)]

    def store(self, account: Account, **values: Any) -> None:
        with self.db.transaction() as tx:
            tx.execute(sa.update(social_accounts).where(A.id == account.id).values(**values))

    def rows(self) -> list[Any]:
        with self.db.reading() as connection:
            return list(connection.execute(sa.select(social_accounts).order_by(A.id)))

    def verifier(self) -> str:
        with self.db.reading() as connection:
            return connection.execute(sa.select(oauth_states.c.verifier)).scalar_one()
