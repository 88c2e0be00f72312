"""The test world: a use case's dependencies over a real database, with shortcuts for common steps."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from app.accounts.accounts import connect_account
from app.accounts.refresh import renew_account
from app.delivery import dispatch, report
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched
from app.domain.outcomes import Report
from app.domain.post import Account, Attempt, Post, Transition, Trigger
from app.domain.seats import Seats
from app.posts import drafts, schedule
from app.settings.values import Settings
from app.store.accounts import accounts
from app.store.engine import Database, make_engine
from app.store.operations import alerts, breaker
from app.store.posts import pages, queries
from app.store.schema.tables import attempts, posts, social_accounts, transitions
from tests.support.fakes import START, FakeClock, FakeMessages, FakePublisher, FakeVault
from tests.support.one_by_one import OneByOne, one_by_one

USER = "user-1"
IN_TEN_MINUTES = START + timedelta(minutes=10)
MEDIA = [{"url": "https://example.com/a.jpg", "type": "image"}]


class World:
    """One user with one LinkedIn account, at START. `random` is always 0.5, so there is no jitter."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        self.clock = FakeClock()
        self.messages = FakeMessages()
        self.publisher = FakePublisher(self.clock)
        self.db = InstrumentedDatabase(make_engine(database_url))
        self.deps = Deps(
            settings=Settings(database_url=database_url, public_base_url="https://punctual.test", **settings),
            clock=self.clock,
            db=self.db,
            messages=self.messages,
            publisher=self.publisher,
            vault=FakeVault(),
            gate=OneByOne(),
            renew_account=renew_account,
            run_many=one_by_one,
            seats=Seats(64),
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
        return connect_account(self.deps, user, values)

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
        """Schedule a post and set the clock to its instant."""
        post = self.scheduled(**values)
        self.clock.set(post.next_attempt_at or self.clock.now())
        return post

    def in_flight(self, **values: Any) -> Post:
        """Send a post: n8n has accepted it, and its report is pending."""
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
        """Send a post and let its lease expire."""
        post = self.in_flight(**values)
        self.after_lease(post)
        return post

    def crashed_before_send(self, **values: Any) -> Post:
        """Let a sender claim a post and crash before the send, then let the lease expire."""
        post = self.due(**values)
        self.overwrite(post, social_account_id=None)
        self.at_next_commit(lambda: self.fail_transactions(4))
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

    def dispatch(self, post: Post, trigger: Trigger = "message", message_id: str | None = None) -> Dispatched:
        return dispatch.dispatch(self.deps, post.id, post.generation, trigger, message_id)

    def report_published(self, post: Post, urn: str | None = "urn:li:share:1", **more: Any) -> report.Applied:
        return report.apply_report(self.deps, Report(post.id, True, external_id=urn, **more))

    def report_failed(self, post: Post, **more: Any) -> report.Applied:
        return report.apply_report(self.deps, Report(post.id, False, **more))

    def at_due(self, post: Post) -> None:
        self.clock.set(self.read(post).next_attempt_at or self.clock.now())

    def after_lease(self, post: Post) -> None:
        lease_until = self.read(post).lease_until
        assert lease_until is not None
        self.clock.set(lease_until + timedelta(microseconds=1))

    def require_reconnect(self) -> None:
        """Mark the account as needing a reconnect."""
        now = self.clock.now()
        with self.db.transaction() as tx:
            accounts.mark_reconnect(tx, self.account.id, now, sent_at=now)

    # What can be seen afterwards

    def read(self, post: Post) -> Post:
        with self.db.reading() as connection:
            found = queries.post_by_id(connection, post.id)
        assert found is not None
        return found

    def seconds_until_due(self, post: Post) -> float:
        """Return the seconds from now until the post is due."""
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
            return [line for _, line in pages.transitions_after(connection, post.id, 0, 10_000)]

    def reasons(self, post: Post) -> list[str]:
        return [transition.reason for transition in self.transitions(post)]

    def alerts(self) -> dict[str, str]:
        """Return the current alerts as kind → subject."""
        with self.db.reading() as connection:
            return {alert.kind: alert.subject for alert in alerts.current(connection)}

    def account_status(self, account: Account | None = None) -> str:
        with self.db.reading() as connection:
            statement = sa.select(social_accounts.c.status).where(social_accounts.c.id == (account or self.account).id)
            return connection.execute(statement).scalar_one()

    def circuit(self) -> Breaker:
        with self.db.reading() as connection:
            return breaker.read(connection)

    def all_post_rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row about posts by table, to compare before and after."""
        with self.db.reading() as connection:
            return {
                table.name: sorted(tuple(map(str, row)) for row in connection.execute(sa.select(table)))
                for table in (posts, attempts, transitions)
            }

    # What can go wrong below

    def overwrite(self, post: Post, **values: Any) -> Post:
        """Write columns directly, without running the callbacks of the next transaction."""
        with self.db.engine.begin() as tx:
            tx.execute(sa.update(posts).where(posts.c.id == post.id).values(**values))
        return self.read(post)

    def overwrite_attempt(self, post: Post, attempt: int, **values: Any) -> None:
        """Write columns of one attempt directly."""
        this_one = (attempts.c.post_id == post.id, attempts.c.attempt == attempt)
        with self.db.engine.begin() as tx:
            tx.execute(sa.update(attempts).where(*this_one).values(**values))

    def fail_transactions(self, times: int) -> None:
        """Let the next `times` transactions fail with a connection error."""
        self.db.refusals = times

    def at_next_transaction(self, callback: Callable[[], Any]) -> None:
        """Run `callback` just before the next transaction. Repeated calls queue one per transaction."""
        self.db.before.append(callback)

    def at_next_commit(self, callback: Callable[[], Any]) -> None:
        """Run `callback` just before the next commit."""
        self.db.at_commit.append(callback)


class InstrumentedDatabase(Database):
    """The real database with injected failures and with callbacks before transactions and commits."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.before: deque[Callable[[], Any]] = deque()
        self.at_commit: deque[Callable[[], Any]] = deque()
        self.refusals = 0
        self._counting = threading.Lock()
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
        if self.before and self.engine.dialect.name == "postgresql":  # on SQLite autocommit is a transaction, see above
            self.before.popleft()()
        with super().autocommit() as connection:
            yield connection

    def _begins(self, _connection: sa.Connection) -> None:
        with self._counting:  # each refusal applies to one transaction, even if many begin at once
            refused = self.refusals > 0
            self.refusals -= refused
        if refused:
            raise sa.exc.OperationalError("BEGIN", {}, ConnectionError("simulated outage"))

    def _commits(self, _connection: sa.Connection) -> None:
        if self.at_commit:
            self.at_commit.popleft()()
