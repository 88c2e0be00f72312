"""The house over a database of the bench, with an outside that takes everything and remembers nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app import create_app
from app.adapters.clock import SystemClock
from app.delivery.send import OneByOne
from app.deps import Deps, Services
from app.domain.ports import Alarm, MessageServiceError, Reply, Submission
from app.log import logger
from app.settings.values import Settings
from app.store.engine import Database, make_engine
from tests.support.fakes import FakeVault
from tests.web.answers import SECRETS

CLOCK = SystemClock()


class Taking:
    """QStash and n8n at their best: at once, and for ever."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def publish(self, _alarm: Alarm) -> str:
        return f"msg_again_{next(self._numbers)}"

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        return [self.publish(alarm) for alarm in alarms]

    def cancel(self, _message_id: str) -> bool:
        return True

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
        qstash_max_delay_days=30.0,
        **changes,
    )


def deps_for(url: str, **changes: Any) -> Deps:
    quiet()
    outside = Taking()
    return Deps(
        settings=settings_for(url, **changes),
        clock=CLOCK,
        db=Database(make_engine(url)),
        messages=outside,
        publisher=outside,
        vault=FakeVault(),
        gate=OneByOne(),
    )


def app_for(url: str) -> tuple[Flask, sa.Engine]:
    """The app as it is shipped, and the engine it reads through."""
    app = create_app(settings_for(url))
    quiet()
    services: Services = app.extensions["punctual"]
    return app, services.deps.db.engine


def token_for(app: Flask, user: str) -> dict[str, str]:
    services: Services = app.extensions["punctual"]
    return {"Authorization": f"Bearer {services.users.issue(user)}"}


def quiet() -> None:
    """No line per post: the bench measures the database."""
    logger.setLevel("ERROR")
