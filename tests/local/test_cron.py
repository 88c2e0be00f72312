"""The cron calls with its secret at a fixed interval and survives every answer."""

import signal
import socket

import pytest

from app.local import cron
from tests.local.support import DEADLINE_SECONDS, Receiver, spawn, wait_for

SECRET = "cron-secret-of-the-tests"


def test_cron_sends_its_secret_and_prints_one_line_per_call(receiver: Receiver) -> None:
    receiver.statuses += [200, 503, 401]
    process = spawn("app.local.cron", "--url", f"{receiver.url}/recover", "--every", "0.2", CRON_SECRET=SECRET)
    wait_for("five calls", lambda: len(receiver.calls) >= 5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, err) == (0, "")
    assert {(call.method, call.path) for call in receiver.calls} == {("GET", "/recover")}
    assert {call.headers["Authorization"] for call in receiver.calls} == {f"Bearer {SECRET}"}
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:5]] == ["200", "503", "401", "200", "200"]
    assert '{"received":true}' in lines[0]
    assert SECRET not in out


class SimulatedCalls:
    """The cron's `time`, stop event and calls. Time passes only during a wait or a call."""

    def __init__(self, *durations: float) -> None:
        self.now = 1000.0
        self.durations = list(durations)  # of the calls, in seconds
        self.called_at: list[float] = []  # seconds after the start

    def monotonic(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return not self.durations

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def call(self, _url: str, _secret: str) -> str:
        self.called_at.append(round(self.now - 1000.0, 6))
        self.now += self.durations.pop(0)
        return "200"


@pytest.mark.parametrize(
    ("durations", "called_at"),
    [
        ((0.0, 0.3, 0.1, 0.0), [0.0, 0.4, 0.8, 1.2]),  # a call's duration causes no drift
        ((0.9, 0.1, 0.5, 0.0), [0.0, 1.2, 1.6, 2.4]),  # a call longer than the interval skips the missed times
    ],
)
def test_cron_keeps_its_interval(
    monkeypatch: pytest.MonkeyPatch, durations: tuple[float, ...], called_at: list[float]
) -> None:
    simulated = SimulatedCalls(*durations)
    monkeypatch.setattr(cron, "time", simulated)
    monkeypatch.setattr(cron, "call", simulated.call)
    cron.call_until(simulated, "http://127.0.0.1:9", SECRET, 0.4)  # type: ignore[arg-type]
    assert simulated.called_at == called_at


def test_cron_survives_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        process = spawn("app.local.cron", "--url", f"http://127.0.0.1:{port}/", "--every", "0.1", "--secret", SECRET)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert all("no answer" in line for line in lines)
