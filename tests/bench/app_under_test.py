"""The app over a bench database, with outside services that accept everything and keep nothing."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app import create_app
from app.accounts.refresh import renew_account
from app.adapters.clock import SystemClock
from app.deps import Deps, Services
from app.domain.ports import Alarm, MessageServiceError, Reply, Submission
from app.domain.seats import Seats
from app.log import logger
from app.settings.values import Settings
from app.store.engine import Database, make_engine
from tests.support.fakes import FakeVault
from tests.support.one_by_one import OneByOne, one_by_one
from tests.web.answers import SECRETS

CLOCK = SystemClock()


class AcceptingServices:
    """QStash and n8n without delay or failure."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def publish(self, _alarm: Alarm) -> str:
        return f"msg_again_{next(self._numbers)}"

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        return [self.publish(alarm) for alarm in alarms]

    def cancel(self, _message_id: str) -> bool:
        return True

    def delivered_at(self, _message_id: str) -> None:
        return None

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        for message_id in message_ids:
            self.cancel(message_id)

    def cancelled_since(self, _instant: datetime) -> set[str]:
        return set()

    def send(self, _submission: Submission) -> Reply:
        return Reply("answered", CLOCK.now(), 200)

    def warm(self, count: int = 1) -> None:
        pass

    def check(self) -> str | None:
        return None


def settings_for(url: str, **changes: Any) -> Settings:
    return Settings(
        database_url=url,
        public_base_url="https://punctual.example",
        auth_jwt_secret=SECRETS["auth_jwt_secret"],
        qstash_token=SECRETS["qstash_token"],
        metrics_secret=SECRETS["metrics_secret"],
        qstash_max_delay_days=30.0,
        **{"rate_limits": False, **changes},  # the bench calls as one user, as fast as it can
    )


def deps_for(url: str, **changes: Any) -> Deps:
    silence_log()
    services = AcceptingServices()
    return Deps(
        settings=settings_for(url, **{"dispatch_lead_seconds": 1.0, **changes}),
        clock=CLOCK,
        db=Database(make_engine(url)),
        messages=services,
        publisher=services,
        vault=FakeVault(),
        gate=OneByOne(),
        renew_account=renew_account,
        run_many=one_by_one,
        seats=Seats(64),
    )


def app_for(url: str) -> tuple[Flask, sa.Engine]:
    """Create the app as shipped. Returns it with the engine of its database."""
    app = create_app(settings_for(url))
    silence_log()
    services: Services = app.extensions["punctual"]
    return app, services.deps.db.engine


def token_for(app: Flask, user: str) -> dict[str, str]:
    services: Services = app.extensions["punctual"]
    return {"Authorization": f"Bearer {services.users.issue(user)}"}


def silence_log() -> None:
    """Turn off the log per post: the bench measures the database."""
    logger.setLevel("ERROR")
