"""docs/agents.md says what is true: its client configuration is started, and it names each tool and setting."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.mcp.agents import ROOT, Agent, agent
from tests.mcp.conftest import BERLIN, Punctual

PAGE = (ROOT / "docs" / "agents.md").read_text()


def test_configuration_of_the_page_starts_the_server(punctual: Punctual):
    [text] = re.findall(r"```json\n(.*?)```", PAGE.split("## The MCP server")[1], re.DOTALL)
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
