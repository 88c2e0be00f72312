"""Fixtures of the contract tests.

Tests with `api` hold for any server with QStash's HTTP API. They start the stand-in, unless `CONTRACT_QSTASH_URL` names
another server, such as the vendor's dev server. `CONTRACT_QSTASH_TOKEN` is its token, if it differs from the public one
of local development. Tests with `stand_in` need the stand-in's process, options or controls.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qstash import Receiver

from tests.contract.support import TOKEN, Api, Destination, Inbox, StandIn

StartStandIn = Callable[..., StandIn]


@pytest.fixture(scope="session")
def destination() -> Iterator[Destination]:
    server = Destination()
    yield server
    server.close()


@pytest.fixture
def inbox(destination: Destination) -> Inbox:
    return destination.inbox()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    url = os.environ.get("CONTRACT_QSTASH_URL")
    if url:
        other = Api(url.rstrip("/"), os.environ.get("CONTRACT_QSTASH_TOKEN", TOKEN))
        yield other
        other.close()
        return
    started = StandIn(tmp_path_factory.mktemp("qstash") / "messages.sqlite")
    yield started.api
    started.close()


@pytest.fixture
def verifier(api: Api) -> Receiver:
    """The SDK's own verification, with the keys from the server."""
    keys = api.sdk.signing_key.get()
    return Receiver(keys.current, keys.next)


@pytest.fixture
def start_stand_in(tmp_path: Path) -> Iterator[StartStandIn]:
    """Start stand-ins with options: `start_stand_in("--max-delay", "60", QSTASH_TOKEN="…")`."""
    started: list[StandIn] = []

    def start(*options: str, **environment: str) -> StandIn:
        data = tmp_path / f"messages-{len(started)}.sqlite"
        started.append(StandIn(data, *options, **environment))
        return started[-1]

    yield start
    for stand_in in started:
        stand_in.close()


@pytest.fixture(scope="session")
def own_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    started = StandIn(tmp_path_factory.mktemp("own") / "messages.sqlite", "--retry-unit", "0.002")
    yield started
    started.close()


@pytest.fixture
def stand_in(own_stand_in: StandIn) -> Iterator[StandIn]:
    """An empty stand-in. A test may stop or kill it. Its backoff unit is 2 ms."""
    yield own_stand_in
    if not own_stand_in.running:
        own_stand_in.start()
    own_stand_in.control("POST", "reset")
