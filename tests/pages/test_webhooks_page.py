"""docs/webhooks.md: its receiver takes signed events and refuses others, and it names every event."""

from __future__ import annotations

import datetime as dt
import re
import threading
from pathlib import Path
from typing import Any

from app.adapters.event_sender import HttpEventSender
from app.domain.events import EventType

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_receiver_of_the_page_takes_signed_events_and_refuses_others(capsys: Any):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), names)
    server = names["make_receiver"](SECRET, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url, sender = f"http://127.0.0.1:{server.server_port}/", HttpEventSender(allow_loopback=True)
        body, now = '{"type":"post.failed","data":{"postId":"7"}}', dt.datetime.now(dt.UTC)
        assert sender.send(url, [SECRET], "id-1", now, body).status == 204
        assert sender.send(url, [OTHER, SECRET], "id-1", now, body).status == 204
        assert sender.send(url, [OTHER], "id-1", now, body).status == 401
        assert "post.failed 7" in capsys.readouterr().out
    finally:
        server.shutdown()
        server.server_close()


def test_page_names_every_event():
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", PAGE, re.MULTILINE)) == {event.value for event in EventType}
