"""Everything a use case needs, over a real database, and short words for the things that tests do with it."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from app.delivery import dispatch, report
from app.delivery.send import OneByOne
from app.delivery.settle import Dispatched
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.outcomes import Report
from app.domain.post import Account, Attempt, Post, Transition
from app.posts import drafts, schedule
from app.settings.values import Settings
from app.store.accounts import accounts
from app.store.engine import Database, make_engine
from app.store.operations import alerts, breaker
from app.store.posts import queries
from app.store.schema.tables import attempts, posts, social_accounts, transitions
from tests.support.fakes import START, FakeClock, FakeMessages, FakePublisher, FakeVault

USER = "user-1"
IN_TEN_MINUTES = START + timedelta(minutes=10)
MEDIA = [{"url": "https://example.com/a.jpg", "type": "image"}]


class World:
    """A user with one LinkedIn account, at START. `random` is 0.5, which is no jitter at all."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        self.clock = FakeClock()
        self.messages = FakeMessages()
        self.publisher = FakePublisher(self.clock)
        self.db = WatchedDatabase(make_engine(database_url))
        self.deps = Deps(
            settings=Settings(database_url=database_url, public_base_url="https://punctual.test", **settings),
            clock=self.clock,
            db=self.db,
            messages=self.messages,
            publisher=self.publisher,
            vault=FakeVault(),
            gate=OneByOne(),
            random=lambda: 0.5,
        )
        self.account = self.connect()

    def close(self) -> None:
        self.db.close()

    def set(self, **settings: Any) -> None:
        self.deps = replace(self.deps, settings=replace(self.deps.settings, **settings))

    def with_deps(self, **changes: Any) -> Deps:
        self.deps = replace(self.deps, **changes)
        return self.deps

    # What an author does

    def connect(
        self, platform: str = "linkedin", external_id: str = "urn:li:person:1", user: str = USER, token: str = "token-1"
    ) -> Account:
        values = {"platform": platform, "external_id": external_id, "account_name": "Ann", "access_token": token}
        return drafts.connect_account(self.deps, user, values)

    def draft(self, *, user: str = USER, platform: str = "linkedin", **values: Any) -> Post:
        media = MEDIA if platform == "instagram" else []
        row = {"content": "Hello", "platform": platform, "post_type": "post", "media": media, "image_url": None}
        return drafts.create_post(self.deps, user, row | values)

    def schedule(self, post: Post, at: datetime | None = None) -> schedule.Scheduled:
        at = at or max(IN_TEN_MINUTES, self.clock.now())
        return schedule.schedule(self.deps, post.user_id, post.id, at.isoformat(), None, 0)

    def scheduled(self, at: datetime | None = None, **values: Any) -> Post:
        if values.get("platform", "linkedin") != "linkedin":
            self.connect(values["platform"], f"{values['platform']}-page")
        return self.schedule(self.draft(**values), at).post

    def due(self, **values: Any) -> Post:
        """A scheduled post, and the clock at its instant."""
        post = self.scheduled(**values)
        self.clock.set(post.next_attempt_at or self.clock.now())
        return post

    def in_flight(self, **values: Any) -> Post:
        """A post that n8n has accepted, whose report is to come."""
        post = self.due(**values)
        assert self.dispatch(post) == Dispatched("dispatched")
        return self.read(post)

    def failed(self, **values: Any) -> Post:
        post = self.in_flight(**values)
        self.report_failed(post, http_status=400)
        return self.read(post)

    def published(self, **values: Any) -> Post:
        post = self.in_flight(**values)
        self.report_published(post)
        return self.read(post)

    def cancelled(self, **values: Any) -> Post:
        return schedule.cancel(self.deps, USER, self.scheduled(**values).id)

    def expired(self, **values: Any) -> Post:
        """A post in flight whose lease is over."""
        post = self.in_flight(**values)
        self.after_lease(post)
        return post

    def died_unsent(self, **values: Any) -> Post:
        """A post whose sender claimed it, could not send it and died before it could say so; its lease is over."""
        post = self.due(**values)
        self.overwrite(post, social_account_id=None)
        self.at_next_commit(lambda: self.cut_database(4))
        assert self.dispatch(post) == Dispatched("dispatched", "not_settled")
        self.overwrite(post, social_account_id=post.social_account_id)
        self.after_lease(post)
        return self.read(post)

    def in_status(self, status: str) -> Post:
        makers: dict[str, Callable[[], Post]] = {
            "draft": self.draft,
            "scheduled": self.scheduled,
            "publishing": self.in_flight,
            "expired": self.expired,
            "failed": self.failed,
            "published": self.published,
            "cancelled": self.cancelled,
        }
        return makers[status]()

    # What the outside does

    def dispatch(self, post: Post, trigger: str = "message", message_id: str | None = None) -> Dispatched:
        return dispatch.dispatch(self.deps, post.id, post.generation, trigger, message_id)

    def report_published(self, post: Post, urn: str | None = "urn:li:share:1", **more: Any) -> report.Applied:
        return report.report(self.deps, Report(post.id, True, external_id=urn, **more))

    def report_failed(self, post: Post, **more: Any) -> report.Applied:
        return report.report(self.deps, Report(post.id, False, **more))

    def at_due(self, post: Post) -> None:
        self.clock.set(self.read(post).next_attempt_at or self.clock.now())

    def after_lease(self, post: Post) -> None:
        lease_until = self.read(post).lease_until
        assert lease_until is not None
        self.clock.set(lease_until + timedelta(microseconds=1))

    def token_is_refused(self) -> None:
        """The account must be reconnected from now on."""
        now = self.clock.now()
        with self.db.transaction() as tx:
            accounts.mark_reconnect(tx, self.account.id, now, sent_at=now)

    # What can be seen afterwards

    def read(self, post: Post) -> Post:
        with self.db.reading() as connection:
            found = queries.post_by_id(connection, post.id)
        assert found is not None
        return found

    def wait_of(self, post: Post) -> float:
        """Seconds from now until the post is due."""
        due = self.read(post).next_attempt_at
        assert due is not None
        return (due - self.clock.now()).total_seconds()

    def attempts(self, post: Post) -> list[Attempt]:
        with self.db.reading() as connection:
            return queries.attempts_of(connection, post.id)

    def outcomes(self, post: Post) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts(post)]

    def transitions(self, post: Post) -> list[Transition]:
        with self.db.reading() as connection:
            return queries.transitions_of(connection, post.id)

    def reasons(self, post: Post) -> list[str]:
        return [transition.reason for transition in self.transitions(post)]

    def alerts(self) -> dict[str, str]:
        """Kind → subject."""
        with self.db.reading() as connection:
            return {alert.kind: alert.subject for alert in alerts.current(connection)}

    def account_status(self, account: Account | None = None) -> str:
        with self.db.reading() as connection:
            statement = sa.select(social_accounts.c.status).where(social_accounts.c.id == (account or self.account).id)
            return connection.execute(statement).scalar_one()

    def circuit(self) -> Breaker:
        with self.db.reading() as connection:
            return breaker.read(connection)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that is written about posts, to show that nothing was."""
        with self.db.reading() as connection:
            return {
                table.name: sorted(tuple(map(str, row)) for row in connection.execute(sa.select(table)))
                for table in (posts, attempts, transitions)
            }

    # What can go wrong below

    def overwrite(self, post: Post, **values: Any) -> Post:
        """Write columns behind everyone's back, past what waits for the next transaction."""
        with self.db.engine.begin() as tx:
            tx.execute(sa.update(posts).where(posts.c.id == post.id).values(**values))
        return self.read(post)

    def cut_database(self, times: int) -> None:
        """The line to the database is down for the next `times` transactions."""
        self.db.refusals = times

    def at_next_transaction(self, happening: Callable[[], Any]) -> None:
        """Something happens just before the next transaction begins; several, one at each."""
        self.db.before.append(happening)

    def at_next_commit(self, happening: Callable[[], Any]) -> None:
        """Something happens as the next transaction is about to be committed."""
        self.db.at_commit.append(happening)


class WatchedDatabase(Database):
    """The real one, on a line that can be cut, with room for something to happen at its edges."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.before: deque[Callable[[], Any]] = deque()
        self.at_commit: deque[Callable[[], Any]] = deque()
        self.refusals = 0
        event.listen(engine, "begin", self._begins)
        event.listen(engine, "commit", self._commits)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        if self.before:
            self.before.popleft()()
        with super().transaction() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[sa.Connection]:
        if self.before and self.engine.dialect.name == "postgresql":  # on SQLite it is a transaction, as above
            self.before.popleft()()
        with super().autocommit() as connection:
            yield connection

    def _begins(self, _connection: sa.Connection) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise sa.exc.OperationalError("BEGIN", {}, ConnectionError("told to be away"))

    def _commits(self, _connection: sa.Connection) -> None:
        if self.at_commit:
            self.at_commit.popleft()()
