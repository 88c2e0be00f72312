"""The zone that the machine is set to plays no part in what an author gets."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.domain.errors import Invalid
from app.domain.times import parse_promise, to_wire

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def a_machine_in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def test_an_instant_leaves_in_utc_wherever_the_machine_stands():
    assert datetime(2026, 12, 1, 8, tzinfo=UTC).astimezone().hour == 3  # the machine does stand there
    assert to_wire(datetime(2026, 12, 1, 8, tzinfo=UTC)) == "2026-12-01T08:00:00.000Z"


def test_a_wall_clock_is_read_in_the_authors_zone_wherever_the_machine_stands():
    promise = parse_promise("2026-12-01T09:00:00", "Europe/Berlin", 0, NOW, 730.0)
    assert promise.at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert promise.local_time == "2026-12-01T09:00:00.000+01:00"


def test_a_gap_has_its_own_edges_though_the_machines_zone_changes_its_clocks_on_another_day():
    with pytest.raises(Invalid) as caught:
        parse_promise("2026-03-29T02:30:00", "Europe/Berlin", 0, NOW, 730.0)
    assert "from 2026-03-29T01:59:59+01:00 to 2026-03-29T03:00:00+02:00" in caught.value.detail
