"""The machine's time zone has no effect on an author's times."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.domain.errors import Invalid
from app.domain.times import parse_chosen_time, to_wire

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def a_machine_in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def test_instants_are_written_in_utc_in_any_machine_zone():
    assert datetime(2026, 12, 1, 8, tzinfo=UTC).astimezone().hour == 3  # the machine does stand there
    assert to_wire(datetime(2026, 12, 1, 8, tzinfo=UTC)) == "2026-12-01T08:00:00.000Z"


def test_wall_clock_is_read_in_the_authors_zone_in_any_machine_zone():
    chosen = parse_chosen_time("2026-12-01T09:00:00", "Europe/Berlin", 0, NOW, 730.0)
    assert chosen.at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert chosen.local_time == "2026-12-01T09:00:00.000+01:00"


def test_gap_edges_do_not_depend_on_the_machine_zone():
    with pytest.raises(Invalid) as caught:
        parse_chosen_time("2026-03-29T02:30:00", "Europe/Berlin", 0, NOW, 730.0)
    assert "from 2026-03-29T01:59:59+01:00 to 2026-03-29T03:00:00+02:00" in caught.value.detail
