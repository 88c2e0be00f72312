"""A World with LinkedIn's OAuth in it, and accounts whose tokens end."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.refresh import look_after_accounts
from app.domain.post import Account
from app.posts import drafts
from app.store.accounts import accounts
from app.store.operations import alerts
from app.store.schema.tables import social_accounts
from tests.support.linkedin import FakeLinkedIn
from tests.support.world import USER, World

SOON = timedelta(days=3)  # within the seven days in which tokens are renewed


class ConnectedWorld(World):
    def __init__(self, database_url: str, **settings: Any) -> None:
        super().__init__(database_url, **settings)
        self.linkedin = FakeLinkedIn()
        self.with_deps(linkedin=self.linkedin)

    def ending(
        self, after: timedelta = SOON, *, refresh: str | None = "refresh-1", platform: str = "linkedin", **more: Any
    ) -> Account:
        """An account whose access ends after so long."""
        ids = {"linkedin": "urn:li:person:1"}
        values = {"platform": platform, "external_id": more.pop("external_id", ids.get(platform, "page-1"))}
        values |= {"access_token": "access-1", "refresh_token": refresh, "expires_at": self.clock.now() + after}
        return drafts.connect_account(self.deps, USER, values | more)

    def look_after(self, seconds: float = 25.0) -> None:
        look_after_accounts(self.deps, self.clock.now() + timedelta(seconds=seconds))

    def account_now(self, account: Account) -> Account:
        with self.db.reading() as connection:
            found = accounts.by_id(connection, account.id)
        assert found is not None
        return found

    def tokens(self, account: Account) -> tuple[str, str | None]:
        """In clear."""
        assert self.deps.vault is not None
        now = self.account_now(account)
        return self.deps.vault.decrypt(now.access_token), now.refresh_token and self.deps.vault.decrypt(
            now.refresh_token
        )

    def column(self, account: Account, name: str) -> Any:
        with self.db.reading() as connection:
            statement = sa.select(social_accounts.c[name]).where(social_accounts.c.id == account.id)
            return connection.execute(statement).scalar_one()

    def poison(self, account: Account, refresh_token: str = "poison") -> None:
        """A refresh token that breaks whoever opens it, or that no key opens."""
        with self.db.engine.begin() as tx:
            where = social_accounts.c.id == account.id
            tx.execute(sa.update(social_accounts).where(where).values(refresh_token=refresh_token))

    def alert_counts(self) -> list[int]:
        with self.db.reading() as connection:
            return [alert.count for alert in alerts.current(connection)]

    def access_left(self, account: Account, since: datetime | None = None) -> timedelta | None:
        end = self.account_now(account).expires_at
        return end - (since or self.clock.now()) if end else None
