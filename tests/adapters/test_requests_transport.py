"""Tests of DeadlineTransport's pooled connections."""

import pytest
from requests import Request

from app.adapters import http_connections
from app.adapters.requests_transport import DeadlineTransport
from tests.adapters.n8n_fixtures import StoppedClock
from tests.adapters.servers import http_server


@pytest.mark.parametrize("step", [http_connections.MAX_IDLE_SECONDS, 3600.0, -0.001, -3600.0])
def test_connection_is_replaced_when_the_wall_clock_left_its_idle_time(monkeypatch: pytest.MonkeyPatch, step: float):
    wall = StoppedClock(monkeypatch)
    with http_server() as server:
        transport = DeadlineTransport()
        request = Request("GET", server.url).prepare()
        for _ in range(2):
            assert transport.send(request, timeout=(5.0, 5.0)).content == b"{}"
        assert server.connections == 1
        wall.seconds += step
        assert transport.send(request, timeout=(5.0, 5.0)).content == b"{}"
        transport.close()
    assert server.connections == 2
