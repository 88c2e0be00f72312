"""The stand-in's routes: the webhook for Punctual, and controls under `/_local/`."""

import asyncio
import hmac
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from app.local.n8n.directives import Behaviour, DirectiveError
from app.local.n8n.journal import Journal
from app.local.n8n.ledger import MASK, Entry, Ledger
from app.local.n8n.reporter import Reporter
from app.local.n8n.responses import ACCEPTED, refusal
from app.local.n8n.script import Script
from app.local.n8n.social_networks import SocialNetworks
from app.local.n8n.workflow import Report, Workflow

WEBHOOK = "/webhook/publish-linkedin"
MAX_BODY_BYTES = 16 * 2**20  # n8n's own default
DRAIN_SECONDS = 1.0  # on SIGTERM, running executions get this long to report


@dataclass(frozen=True)
class Options:
    data: Path | None = None
    callback_url: str | None = None
    fixed_callback: bool = False  # report to `callback_url` only, as workflows older than the field do
    callback_delay: float = 0.02  # seconds
    claim_first: bool = False
    auth_header: tuple[str, str] | None = None  # name and value of the header that every caller must send


class StandIn:
    """The n8n stand-in: its script, ledger, networks and workflow."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.script = Script()
        self.ledger = Ledger(Journal(options.data and options.data / "ledger.jsonl"))
        self.networks = SocialNetworks(Journal(options.data and options.data / "published.jsonl"))
        self._reporter = Reporter.from_environment(options.callback_url, fixed=options.fixed_callback)
        self.workflow = Workflow(
            self.networks, self.ledger, self._reporter, claim_first=options.claim_first, delay=options.callback_delay
        )
        self._running: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.post(WEBHOOK, self.receive),
                web.post("/webhook/{path:.*}", self.unknown_webhook),
                web.get("/healthz", self.health),
                web.get("/_local/ledger", self.show_ledger),
                web.delete("/_local/ledger", self.clear_ledger),
                web.get("/_local/published", self.show_published),
                web.delete("/_local/published", self.clear_published),
                web.get("/_local/script", self.show_script),
                web.post("/_local/script", self.add_to_script),
                web.delete("/_local/script", self.clear_script),
            ]
        )
        app.on_shutdown.append(self._shut_down)
        return app

    # Webhook

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Record a request, then answer it as the script or its markers say."""
        received_ns = time.time_ns()  # first statement: lateness is measured against this instant
        body = _parsed(await request.read())
        if not self._has_auth_header(request):
            return self._refused(request, received_ns, body or {}, 403)
        if body is None:
            return self._refused(request, received_ns, {}, 422)
        try:
            behaviour = self.script.take(str(body.get("postId", "")), str(body.get("content", "")))
        except DirectiveError as error:
            self.ledger.record(received_ns, body, self._shown_headers(request), f"refuse 400: {error}")
            return web.json_response({"code": 400, "message": str(error)}, status=400)
        entry = self.ledger.record(received_ns, body, self._shown_headers(request), behaviour.name)
        return await self._answer(request, entry, behaviour, body)

    async def _answer(
        self, request: web.Request, entry: Entry, behaviour: Behaviour, body: dict[str, Any]
    ) -> web.StreamResponse:
        if behaviour.report_first:
            await self.workflow.report(entry, behaviour, await self.workflow.execute(entry, behaviour, body))
        elif behaviour.answer == "accept":
            self._start(self._execute(entry, behaviour, body))
        else:
            # The caller gets no acceptance, so publish before the connection is cut: tests can then rely on the state.
            self._start(self.workflow.report(entry, behaviour, await self.workflow.execute(entry, behaviour, body)))
        if behaviour.answer_after:
            await asyncio.sleep(behaviour.answer_after)
        match behaviour.answer:
            case "refuse":
                return refusal(behaviour.status, request.path, behaviour.retry_after)
            case "hang":
                await asyncio.Event().wait()  # cancelled when the client gives up
            case "drop":
                _cut(request)
        return web.json_response(ACCEPTED)

    async def _execute(self, entry: Entry, behaviour: Behaviour, body: dict[str, Any]) -> None:
        reports: list[Report] = await self.workflow.execute(entry, behaviour, body)
        await self.workflow.report(entry, behaviour, reports)

    async def unknown_webhook(self, request: web.Request) -> web.StreamResponse:
        return refusal(404, request.path)

    def _refused(self, request: web.Request, received_ns: int, body: dict[str, Any], status: int) -> web.Response:
        self.ledger.record(received_ns, body, self._shown_headers(request), f"refuse {status}")
        return refusal(status, request.path)

    def _has_auth_header(self, request: web.Request) -> bool:
        if self.options.auth_header is None:
            return True
        name, value = self.options.auth_header
        return hmac.compare_digest(request.headers.get(name, "").encode(), value.encode())

    def _shown_headers(self, request: web.Request) -> dict[str, str]:
        secret = {"authorization", self.options.auth_header[0].lower() if self.options.auth_header else ""}
        return {name: MASK if name.lower() in secret else value for name, value in request.headers.items()}

    # Controls

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def show_ledger(self, request: web.Request) -> web.Response:
        return web.json_response([entry.as_json() for entry in self.ledger.entries(request.query.get("postId"))])

    async def clear_ledger(self, _: web.Request) -> web.Response:
        self.ledger.clear()
        return web.Response(status=204)

    async def show_published(self, request: web.Request) -> web.Response:
        return web.json_response([copy.as_json() for copy in self.networks.copies(request.query.get("postId"))])

    async def clear_published(self, _: web.Request) -> web.Response:
        self.networks.clear()
        return web.Response(status=204)

    async def show_script(self, _: web.Request) -> web.Response:
        return web.json_response(self.script.as_json())

    async def add_to_script(self, request: web.Request) -> web.Response:
        try:
            rule = self.script.add(await request.json())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"do": rule.do, "times": rule.times}, status=201)

    async def clear_script(self, _: web.Request) -> web.Response:
        self.script.clear()
        return web.Response(status=204)

    # Background work

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _shut_down(self, _: web.Application) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._reporter.close()
        self.ledger.close()
        self.networks.close()


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
