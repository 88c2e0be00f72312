"""An agent in a test: the SDK's own client, on the server of agents as a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import Tool

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0


@dataclass
class Agent:
    """A synchronous face of the SDK's client. `seen` has every answer as text."""

    portal: BlockingPortal
    client: Client
    seen: list[str]

    def tools(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self.portal.call(self.client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must succeed."""
        failed, text, structured = self.result(tool, arguments)
        assert not failed, text
        assert structured == json.loads(text)
        assert_both_times(structured)
        return structured

    def refused(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must fail, and return what the agent reads."""
        failed, text, _ = self.result(tool, arguments)
        assert failed, text
        assert "Traceback" not in text
        return text

    def result(self, tool: str, arguments: dict[str, Any]) -> tuple[bool, str, Any]:
        result = self.portal.call(self.client.call_tool, tool, arguments)
        text = "\n".join(getattr(part, "text", "") for part in result.content)
        self.seen.append(text)
        return bool(result.is_error), text, result.structured_content


def assert_both_times(value: Any) -> None:
    """Check that each instant is there in UTC and in a named zone."""
    assert set(value["now"]) == {"utc", "local", "timeZone"}
    for view in [value.get("post"), *value.get("posts", [])]:
        for name in ("scheduledAt", "publishedAt", "createdAt", "updatedAt"):
            if view and name in view:
                assert set(view[name]) == {"utc", "local", "timeZone"}


def environment(url: str, token: str, **more: str) -> dict[str, str]:
    return {"PUNCTUAL_URL": url, "PUNCTUAL_TOKEN": token, **more}


@contextmanager
def agent(url: str, token: str, errlog: TextIO = sys.stderr, cwd: Path = ROOT, **more: str) -> Iterator[Agent]:
    """Start `python -m app.mcp` on stdio, and connect the SDK's client."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "app.mcp"], env=environment(url, token, **more), cwd=cwd
    )
    with connect(stdio_client(command, errlog)) as connected:
        yield connected


@contextmanager
def connect(server: Any) -> Iterator[Agent]:
    """Connect the SDK's client to a transport, or to the address of a server."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(server)) as client,
    ):
        yield Agent(portal, client, [])


@contextmanager
def serving_http(url: str, token: str, **more: str) -> Iterator[str]:
    """Start `python -m app.mcp --http` on a free port of loopback. Yields the address of its endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.mcp", "--http", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(url, token, **more))
    try:
        base = f"http://127.0.0.1:{port}"
        await_answer(base, process)
        yield f"{base}/mcp"
    finally:
        process.terminate()
        process.wait(30)


def await_answer(base: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx2.get(base, trust_env=False)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("The server of agents does not answer.")
