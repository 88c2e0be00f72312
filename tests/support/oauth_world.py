"""A World with a fake LinkedIn OAuth, for accounts with expiring tokens."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.accounts import connect_account
from app.accounts.refresh import refresh_due
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.store.accounts import accounts
from app.store.operations import alerts
from app.store.schema.tables import social_accounts
from tests.support.linkedin import FakeLinkedIn
from tests.support.world import USER, World

SOON = timedelta(days=3)  # within the seven days in which tokens are renewed


class OAuthWorld(World):
    def __init__(self, database_url: str, **settings: Any) -> None:
        super().__init__(database_url, **settings)
        self.linkedin = FakeLinkedIn()
        self.with_deps(linkedin=self.linkedin)

    def expiring_account(
        self, after: timedelta = SOON, *, refresh: str | None = "refresh-1", platform: str = "linkedin", **more: Any
    ) -> Account:
        """Connect an account whose access token expires after this long."""
        ids = {"linkedin": "urn:li:person:1"}
        values = {"platform": platform, "external_id": more.pop("external_id", ids.get(platform, "page-1"))}
        values |= {"access_token": "access-1", "refresh_token": refresh, "expires_at": self.clock.now() + after}
        values["refresh_granted"] = refresh is not None
        return connect_account(self.deps, more.pop("user", USER), values | more)

    def maintain_accounts(self, seconds: float = 25.0) -> None:
        refresh_due(self.deps, self.clock.now() + timedelta(seconds=seconds))

    def read_account(self, account: Account) -> Account:
        with self.db.reading() as connection:
            found = accounts.by_id(connection, account.id)
        assert found is not None
        return found

    def tokens(self, account: Account) -> tuple[str, str | None]:
        """Return the decrypted access and refresh tokens. None means no refresh token."""
        vault, now = self.deps.vault, self.read_account(account)
        assert vault is not None
        refresh = now.refresh_token and vault.decrypt(now.refresh_token, refresh_token_of(now.id))
        return vault.decrypt(now.access_token, access_token_of(now.id)), refresh

    def column(self, account: Account, name: str) -> Any:
        with self.db.reading() as connection:
            statement = sa.select(social_accounts.c[name]).where(social_accounts.c.id == account.id)
            return connection.execute(statement).scalar_one()

    def poison_refresh_token(self, account: Account, refresh_token: str = "poison") -> None:
        """Store a refresh token that cannot be decrypted.

        FakeVault raises RuntimeError for "poison", and ValueError for any other unsealed value.
        """
        with self.db.engine.begin() as tx:
            where = social_accounts.c.id == account.id
            tx.execute(sa.update(social_accounts).where(where).values(refresh_token=refresh_token))

    def alert_counts(self) -> list[int]:
        with self.db.reading() as connection:
            return [alert.count for alert in alerts.current(connection)]

    def access_left(self, account: Account, since: datetime | None = None) -> timedelta | None:
        """Return the access token's remaining life from `since` (default: now). None means no expiry."""
        end = self.read_account(account).expires_at
        return end - (since or self.clock.now()) if end else None
