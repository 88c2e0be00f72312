"""The stand-in's HTTP: LinkedIn's three addresses, and the control routes under `/_local/`."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from app.local.linkedin import pages
from app.local.linkedin.faults import Faults, UnknownWordError
from app.local.linkedin.grants import Grants, RefusedError, member_id

USUAL_MEMBER = "Lina Local"
MAX_CALLS = 1000  # kept for inspection
DECLINED = ("user_cancelled_authorize", "The user cancelled the authorization")


class StandIn:
    def __init__(self, grants: Grants) -> None:
        self.grants = grants
        self.faults = Faults()
        self.calls: list[dict[str, Any]] = []

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024)
        app.add_routes(
            [
                web.get("/", self.frontend),
                web.get("/oauth/v2/authorization", self.ask),
                web.post("/oauth/v2/authorization", self.decide),
                web.post("/oauth/v2/accessToken", self.token),
                web.get("/v2/userinfo", self.userinfo),
                web.get("/healthz", self.health),
                web.get("/_local/calls", self.show_calls),
                web.get("/_local/faults", self.show_faults),
                web.post("/_local/faults", self.add_fault),
                web.delete("/_local/faults", self.clear_faults),
                web.post("/_local/revoke", self.revoke),
            ]
        )
        return app

    # What a member sees.

    async def frontend(self, _: web.Request) -> web.Response:
        """No part of LinkedIn: the page of a frontend that has a button to connect."""
        return _page(pages.frontend(self.grants.redirect_uri.removesuffix("/callback") + "/connect"))

    async def ask(self, request: web.Request) -> web.Response:
        ask = dict(request.query.items())
        if ask.get("client_id") != self.grants.client_id:
            return _page(pages.refusal("The passed in client_id is invalid"), 400)
        if ask.get("redirect_uri") != self.grants.redirect_uri:
            return _page(pages.refusal("The redirect_uri does not match the registered value"), 400)
        problem = _problem(ask)
        if problem is not None:
            return self._back(ask, error=problem[0], error_description=problem[1])
        ticket = self.grants.signer.make("ticket", **ask)
        return _page(pages.consent(ticket, ask["scope"].split(), USUAL_MEMBER))

    async def decide(self, request: web.Request) -> web.Response:
        form = await _form(request)
        ask = self.grants.signer.read("ticket", form.get("ticket", ""))
        if ask is None:
            return _page(pages.refusal("This page is not one of ours"), 400)
        if form.get("decision") != "allow":
            return self._back(ask, error=DECLINED[0], error_description=DECLINED[1])
        return self._back(ask, code=self.grants.code(ask, form.get("member", "").strip()[:100] or USUAL_MEMBER))

    def _back(self, ask: dict[str, Any], **said: str) -> web.Response:
        query = urlencode(said | ({"state": ask["state"]} if "state" in ask else {}))
        return web.Response(status=302, headers={"Location": f"{self.grants.redirect_uri}?{query}"})

    # What the app asks.

    async def token(self, request: web.Request) -> web.StreamResponse:
        form, fault = await _form(request), self.faults.take("token")
        try:
            body, status = await self._granted(request, form, fault), 200
        except RefusedError as refused:
            body, status = {"error": refused.error, "error_description": refused.description}, refused.status
        self._note("token", status, grant_type=form.get("grant_type"), verifier="code_verifier" in form)
        if fault == "act drop" or isinstance(body, str):
            return await _misbehave(request, fault if isinstance(body, str) else "drop")
        return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})

    async def _granted(self, request: web.Request, form: dict[str, str], fault: str) -> dict[str, Any] | str:
        if fault in ("hang", "drop", "garbage") or fault.isdecimal():
            return fault
        if fault == "invalid-grant":
            raise RefusedError(400, "invalid_grant", "The provided grant is invalid, expired or revoked")
        if fault == "invalid-client":
            raise RefusedError(401, "invalid_client", "Client authentication failed")
        self.grants.check_client(form, web_flow=fault == "web-flow")
        if form.get("grant_type") == "refresh_token":
            answer = self.grants.refresh(form, rotate=fault == "rotate")
        elif form.get("grant_type") == "authorization_code":
            if fault != "web-flow":
                self.grants.require_verifier(form)
            answer = self.grants.exchange(form)
        else:
            raise RefusedError(400, "invalid_request", 'A required parameter "grant_type" is missing')
        if fault == "no-refresh-token":
            answer = {name: value for name, value in answer.items() if not name.startswith("refresh_token")}
        return answer

    async def userinfo(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take("userinfo")
        if fault:
            self._note("userinfo", 0, fault=fault)
            return await _misbehave(request, fault)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        member = self.grants.member(token) if scheme == "Bearer" else None
        self._note("userinfo", 200 if member else 401)
        if member is None:
            wrong = {"status": 401, "serviceErrorCode": 65600, "code": "INVALID_ACCESS_TOKEN"}
            return web.json_response(wrong | {"message": "Invalid access token"}, status=401)
        given, _, family = member.partition(" ")
        names = {"name": member, "given_name": given, "family_name": family}
        return web.json_response({"sub": member_id(member), **names, "locale": {"country": "US", "language": "en"}})

    # Control and inspection.

    def _note(self, place: str, status: int, **more: Any) -> None:
        self.calls.append({"at": time.time(), "place": place, "status": status, **more})
        del self.calls[:-MAX_CALLS]

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def show_calls(self, _: web.Request) -> web.Response:
        return web.json_response(self.calls)

    async def show_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self.faults.as_json())

    async def add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = self.faults.add(await request.json())
        except UnknownWordError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ValueError:
            return web.json_response({"error": "send JSON"}, status=400)
        return web.json_response({"do": fault.do, "at": fault.at, "times": fault.times}, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def revoke(self, request: web.Request) -> web.Response:
        """The member takes back what they allowed: `{"member": "Lina Local"}`."""
        wish = await request.json()
        self.grants.revoke(str(wish.get("member", USUAL_MEMBER)))
        return web.Response(status=204)


def _problem(ask: dict[str, str]) -> tuple[str, str] | None:
    if ask.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if not ask.get("scope"):
        return "unauthorized_scope_error", "A required parameter scope is missing"
    if "code_challenge" in ask and ask.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    return None


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


async def _misbehave(request: web.Request, fault: str) -> web.StreamResponse:
    if fault == "hang":
        await asyncio.Event().wait()  # cancelled when the client gives up
    if fault == "drop" and request.transport is not None:
        request.transport.abort()
    if fault.isdecimal():
        status = int(fault)
        return web.json_response({"status": status, "message": f"Refused with {status}, as asked"}, status=status)
    return web.Response(text="<html>not what you asked for", content_type="text/html")


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
