"""The cron calls with its secret on a fixed beat and survives every answer."""

import signal
import socket

from tests.local.support import Receiver, spawn, wait_for

SECRET = "cron-secret-of-the-tests"


def test_it_calls_with_its_secret_and_prints_a_line_per_run(receiver: Receiver) -> None:
    receiver.statuses += [200, 503, 401]
    process = spawn("app.local.cron", "--url", f"{receiver.url}/recover", "--every", "0.2", CRON_SECRET=SECRET)
    wait_for("five calls", lambda: len(receiver.calls) >= 5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert {(call.method, call.path) for call in receiver.calls} == {("GET", "/recover")}
    assert {call.headers["Authorization"] for call in receiver.calls} == {f"Bearer {SECRET}"}
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:5]] == ["200", "503", "401", "200", "200"]
    assert '{"received":true}' in lines[0]
    assert SECRET not in out


def test_it_keeps_its_beat(receiver: Receiver) -> None:
    process = spawn("app.local.cron", "--url", receiver.url, "--every", "0.4", "--secret", SECRET)
    wait_for("four calls", lambda: len(receiver.calls) >= 4)
    process.terminate()
    process.communicate(timeout=20)
    first, fourth = receiver.calls[0].at, receiver.calls[3].at
    assert 1.1 < fourth - first < 2.4


def test_it_outlives_a_server_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        process = spawn("app.local.cron", "--url", f"http://127.0.0.1:{port}/", "--every", "0.1", "--secret", SECRET)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert all("no answer" in line for line in lines)
