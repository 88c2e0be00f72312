"""docs/agents.md says what is true: its requests are sent as written, and its client configuration is started."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.mcp.agents import ROOT, Agent, agent
from tests.mcp.conftest import BERLIN, Punctual
from tests.mcp.test_stdio import tomorrow_at_nine
from tests.web.site import json_of

PAGE = (ROOT / "docs" / "agents.md").read_text()
BLOCK = re.compile(r"```(http|json)\n(.*?)```", re.DOTALL)
WRITTEN_DAY = "2027-06-01"
EVERY_DAY = [{"day": day, "at": "09:00"} for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")]


@dataclass
class Written:
    """A request as the page has it, and the answer below it, None for none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    answer: Any


def requests_of(page: str, names: dict[str, str]) -> Iterator[Written]:
    """Yield the requests with the names in braces replaced. `names` may grow in between."""
    blocks = BLOCK.findall(page)
    for (kind, text), (next_kind, next_text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind != "http":
            continue
        for name, value in names.items():
            text = text.replace(name, value)
        head, _, body = text.partition("\n\n")
        first, *headers = head.strip().splitlines()
        method, path = first.split(" ", 1)
        fields = dict(line.split(": ", 1) for line in headers)
        answer = json.loads(next_text) if next_kind == "json" else None
        yield Written(method, path, fields, json.loads(body) if body else None, answer)


def assert_fits(shown: Any, real: Any, where: str) -> None:
    """Check that the real answer has all fields of the shown one, and the same statuses."""
    if isinstance(shown, dict):
        assert set(shown) <= set(real), where
        for name, value in shown.items():
            assert_fits(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list) and shown and isinstance(shown[0], dict):
        assert real, where
        assert_fits(shown[0], real[0], f"{where}[0]")
    elif where.endswith((".status", ".platform")):
        assert shown == real, where


def test_each_request_of_the_page_works_as_written_and_has_the_answer_below_it(punctual: Punctual):
    day = tomorrow_at_nine().date().isoformat()
    account = punctual.account["id"]
    body = {"timeZone": BERLIN, "times": EVERY_DAY}
    json_of(punctual.user.put(f"/api/social-accounts/{account}/slots", json=body))
    failed = punctual.failed()["id"]
    names = {WRITTEN_DAY: day, "{account}": account, "{failed}": failed}
    caller, sent = punctual.user, []
    for written in requests_of(PAGE, names):
        more = {} if written.body is None else {"json": written.body}
        answer = caller.open(written.method, written.path, headers=written.headers, **more)
        assert answer.status_code in (200, 201), (written, answer.get_data(as_text=True))
        real = answer.get_json()
        assert_fits(written.answer, real, written.path)
        sent.append(f"{written.method} {written.path.split('?')[0]}")
        if written.path == "/api/posts" and "{post}" not in names:
            names["{post}"] = real["id"]
        if written.path == "/api/keys":  # all later requests are sent with the key
            caller.headers = {"Authorization": f"Bearer {real['key']}"}
        if written.path.endswith("/schedule") and real["localTime"][11:16] == "09:00":
            expected = dt.datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=ZoneInfo(BERLIN))
            assert dt.datetime.fromisoformat(real["scheduledAt"]) == expected
    assert len(sent) == len(re.findall("```http", PAGE)) == 14
    assert [path for path in sent if path.startswith("POST")]
    assert "{" not in "".join(sent)


def test_configuration_of_the_page_starts_the_server(punctual: Punctual):
    [text] = [text for kind, text in BLOCK.findall(PAGE) if kind == "json" and "mcpServers" in text]
    entry = json.loads(text)["mcpServers"]["punctual"]
    assert entry["command"].endswith("/.venv/bin/python")
    assert entry["args"] == ["-m", "app.mcp"]
    env = entry["env"] | {"PYTHONPATH": str(ROOT)}
    env |= {"PUNCTUAL_URL": punctual.url, "PUNCTUAL_TOKEN": punctual.key("read")}
    with agent(env.pop("PUNCTUAL_URL"), env.pop("PUNCTUAL_TOKEN"), cwd=Path("/"), **env) as connected:
        assert connected.call("list_posts")["now"]["timeZone"] == BERLIN


def test_page_names_every_tool_and_every_setting(alice: Agent):
    named = set(re.findall(r"`([a-z_]+)`", PAGE.split("| tool | does |")[1].split("\n\n")[0]))
    assert named == set(alice.tools())
    settings = set(re.findall(r'"(PUNCTUAL_[A-Z_]+)"', (ROOT / "app" / "mcp" / "settings.py").read_text()))
    assert settings == set(re.findall(r"^\| `(PUNCTUAL_[A-Z_]+)`", PAGE, re.MULTILINE))
