"""The stand-in's routes: authorization, tokens, their revocation, userinfo, and controls under `/_local/`."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from app.local.linkedin import pages
from app.local.linkedin.faults import Faults, InvalidFaultError
from app.local.linkedin.grants import Grants, OAuthError, member_id

DEFAULT_MEMBER = "Lina Local"
MAX_CALLS = 1000  # kept for inspection
DECLINED = ("user_cancelled_authorize", "The user cancelled the authorization")


class StandIn:
    """The LinkedIn stand-in: its tokens, its faults and its recorded calls."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants
        self.faults = Faults()
        self.calls: list[dict[str, Any]] = []

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024)
        app.add_routes(
            [
                web.get("/", self.frontend),
                web.get("/oauth/v2/authorization", self.show_consent),
                web.post("/oauth/v2/authorization", self.decide),
                web.post("/oauth/v2/accessToken", self.token),
                web.post("/oauth/v2/revoke", self.revoke_token),
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

    # Pages

    async def frontend(self, _: web.Request) -> web.Response:
        """Show a frontend page with a button to connect. The real LinkedIn has no such page."""
        return _page(pages.frontend(self.grants.redirect_uri.removesuffix("/callback") + "/connect"))

    async def show_consent(self, request: web.Request) -> web.Response:
        """Show the consent page.

        A wrong client or redirect URI is answered here with 400. Other errors are redirected to the callback
        (RFC 6749, section 4.1.2.1).
        """
        query = dict(request.query.items())
        if query.get("client_id") != self.grants.client_id:
            return _page(pages.refusal("The passed in client_id is invalid"), 400)
        if query.get("redirect_uri") != self.grants.redirect_uri:
            return _page(pages.refusal("The redirect_uri does not match the registered value"), 400)
        problem = _problem(query)
        if problem is not None:
            return self._redirect(query, error=problem[0], error_description=problem[1])
        ticket = self.grants.signer.make("ticket", **query)
        return _page(pages.consent(ticket, query["scope"].split(), DEFAULT_MEMBER))

    async def decide(self, request: web.Request) -> web.Response:
        """Redirect to the callback with a code, or with LinkedIn's error if the member cancelled."""
        form = await _form(request)
        query = self.grants.signer.read("ticket", form.get("ticket", ""))
        if query is None:
            return _page(pages.refusal("This form does not come from the consent page"), 400)
        if form.get("decision") != "allow":
            return self._redirect(query, error=DECLINED[0], error_description=DECLINED[1])
        member = form.get("member", "").strip()[:100] or DEFAULT_MEMBER
        return self._redirect(query, code=self.grants.code(query, member))

    def _redirect(self, query: dict[str, Any], **answer: str) -> web.Response:
        encoded = urlencode(answer | ({"state": query["state"]} if "state" in query else {}))
        return web.Response(status=302, headers={"Location": f"{self.grants.redirect_uri}?{encoded}"})

    # Endpoints for the app

    async def token(self, request: web.Request) -> web.StreamResponse:
        form, fault = await _form(request), self.faults.take("token")
        try:
            body, status = self._token_answer(form, fault), 200
        except OAuthError as refused:
            body, status = {"error": refused.error, "error_description": refused.description}, refused.status
        self._record("token", status, grant_type=form.get("grant_type"), verifier="code_verifier" in form)
        if fault == "act drop" or isinstance(body, str):
            return await _fail(request, fault if isinstance(body, str) else "drop")
        return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})

    def _token_answer(self, form: dict[str, str], fault: str) -> dict[str, Any] | str:
        """Return the tokens, or the fault's word if the fault replaces the answer.

        Raises: OAuthError when the request is refused.
        """
        if fault in ("hang", "drop", "garbage") or fault.isdecimal():
            return fault
        if fault == "invalid-grant":
            raise OAuthError(400, "invalid_grant", "The provided grant is invalid, expired or revoked")
        if fault == "invalid-client":
            raise OAuthError(401, "invalid_client", "Client authentication failed")
        self.grants.check_client(form, web_flow=fault == "web-flow")
        if form.get("grant_type") == "refresh_token":
            answer = self.grants.refresh(form, rotate=fault == "rotate")
        elif form.get("grant_type") == "authorization_code":
            if fault != "web-flow":
                self.grants.require_verifier(form)
            answer = self.grants.exchange(form)
        else:
            raise OAuthError(400, "invalid_request", 'A required parameter "grant_type" is missing')
        if fault == "no-refresh-token":
            answer = {name: value for name, value in answer.items() if not name.startswith("refresh_token")}
        return answer

    async def revoke_token(self, request: web.Request) -> web.Response:
        """Revoke all tokens of a token's member, for our client alone."""
        form = await _form(request)
        try:
            self.grants.check_client(form, web_flow=True)
            member = self.grants.owner(form.get("token", ""))
        except OAuthError as refused:
            self._record("revoke", refused.status)
            return web.json_response({"error": refused.error}, status=refused.status)
        self.grants.revoke(member)
        self._record("revoke", 200, member=member)
        return web.Response()

    async def userinfo(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take("userinfo")
        if fault:
            self._record("userinfo", 0, fault=fault)
            return await _fail(request, fault)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        member = self.grants.member(token) if scheme == "Bearer" else None
        self._record("userinfo", 200 if member else 401)
        if member is None:
            wrong = {"status": 401, "serviceErrorCode": 65600, "code": "INVALID_ACCESS_TOKEN"}
            return web.json_response(wrong | {"message": "Invalid access token"}, status=401)
        given, _, family = member.partition(" ")
        names = {"name": member, "given_name": given, "family_name": family}
        return web.json_response({"sub": member_id(member), **names, "locale": {"country": "US", "language": "en"}})

    # Controls

    def _record(self, endpoint: str, status: int, **more: Any) -> None:
        self.calls.append({"at": time.time(), "place": endpoint, "status": status, **more})
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
        except InvalidFaultError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ValueError:
            return web.json_response({"error": "send JSON"}, status=400)
        return web.json_response({"do": fault.do, "at": fault.at, "times": fault.times}, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke all tokens of a member: `{"member": "Lina Local"}`."""
        body = await request.json()
        self.grants.revoke(str(body.get("member", DEFAULT_MEMBER)))
        return web.Response(status=204)


def _problem(query: dict[str, str]) -> tuple[str, str] | None:
    if query.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if not query.get("scope"):
        return "unauthorized_scope_error", "A required parameter scope is missing"
    if "code_challenge" in query and query.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    return None


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


async def _fail(request: web.Request, fault: str) -> web.StreamResponse:
    if fault == "hang":
        await asyncio.Event().wait()  # cancelled when the client gives up
    if fault == "drop" and request.transport is not None:
        request.transport.abort()
    if fault.isdecimal():
        status = int(fault)
        return web.json_response({"status": status, "message": f"Refused with {status}, as requested"}, status=status)
    return web.Response(text="<html>not JSON", content_type="text/html")


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
