"""The first delivery of a process that comes ahead begins its rehearsal."""

from collections.abc import Iterator
from unittest import mock

import pytest

from app.delivery.rehearsal import Rehearsal
from tests.web.site import HOUR, NOW, SECOND, Site, json_of


@pytest.fixture
def begun() -> Iterator[mock.Mock]:
    with mock.patch.object(Rehearsal, "begin") as made:
        yield made


def deliver(site: Site, seconds_late: int) -> None:
    """Deliver a message so many seconds after its own second. The post is unknown."""
    post = {"id": "0c5f3d5e-0000-4000-8000-000000000000", "userId": "alice", "generation": 1}
    alarm_at = int((NOW - seconds_late * SECOND).timestamp())
    assert json_of(site.deliver(post, notBefore=alarm_at))["status"] == "ignored"


def test_delivery_ahead_begins_the_rehearsal_and_a_late_one_does_not(small_site: Site, begun: mock.Mock):
    deliver(small_site, int(HOUR / SECOND))
    assert begun.call_args_list == []
    deliver(small_site, 0)
    assert begun.call_args_list == [mock.call(small_site.services.deps)]


def test_process_has_one_rehearsal(small_site: Site):
    with mock.patch.object(Rehearsal, "begin", autospec=True) as begun:
        deliver(small_site, 0)
        deliver(small_site, 0)
    first, second = (call.args[0] for call in begun.call_args_list)
    assert first is second
