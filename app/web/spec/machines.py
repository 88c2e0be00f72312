"""The operations of machines, operators, monitors and browsers, which take no schema of flask-smorest.

A route without a line here fails `test_every_route_is_documented`.
"""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from marshmallow import Schema
from werkzeug.routing import Map, Rule

from app.web import schemas
from app.web.blueprint import operation
from app.web.spec import machine_schemas as answers

UNCONFIGURED = "503 not_configured database_unavailable"
PROOF = ("401 unauthorized", "429 rate_limited", UNCONFIGURED)
DELIVERY = (*PROOF, "400 bad_request malformed_json", "411 length_required", "413 too_large", "489 malformed_message")
CALLBACK = ("callbackSecret", "callbackHeader", "callbackToken")
REPORT = (
    *PROOF,
    "400 malformed_json",
    "403 callback_token_mismatch",
    "404 not_found post_not_found",
    "411 length_required",
    "413 too_large",
    "422 invalid_fields",
)
HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}


def add_operations(spec: APISpec) -> None:
    for path, method, content in _operations():
        rule = Rule(path, endpoint=path, defaults={})
        Map([rule])  # binds the rule, as apispec's reader of rules wants
        spec.path(rule=rule, operations={method: content})


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [*_deliveries(), *_cron(), *_callbacks(), *_connections(), *_operators(), *_pages()]


def _deliveries() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        _post(
            "/api/posts/dispatch",
            "Deliver a post's message at its instant.",
            operation("deliverMessage", *DELIVERY, "503 not_armed stopping too_busy", security=("qstash",)),
            answers.Delivery,
            answers.DeliveryAnswer,
        ),
        _post(
            "/api/posts/dispatch-failed",
            "Record that a message was lost. The sweep finds its post.",
            operation("reportLostMessage", *DELIVERY, security=("qstash",)),
            answers.LostDelivery,
            answers.LostDeliveryAnswer,
        ),
        _post(
            "/api/webhooks/deliver",
            "Deliver an event to its webhook endpoint.",
            operation("deliverEvent", *DELIVERY, "489 delivery_failed", "503 not_delivered", security=("qstash",)),
            answers.EventDelivery,
            answers.EventDeliveryAnswer,
        ),
    ]


def _cron() -> list[tuple[str, str, dict[str, Any]]]:
    sweep = operation("recoverPosts", *PROOF, security=("cronSecret",))
    poll = operation("publishScheduled", *PROOF, security=("cronSecret",))
    return [
        _get("/api/posts/recover", "Run the safety net, every five minutes.", sweep, answers.SweepAnswer),
        _get("/api/cron/publish-scheduled", "Dispatch due posts, without QStash.", poll, answers.PollAnswer),
    ]


def _callbacks() -> list[tuple[str, str, dict[str, Any]]]:
    report = operation("reportPublishStatus", *REPORT, "409 never_sent", security=CALLBACK)
    claim = operation("claimAttempt", *REPORT, "409 already_claimed", security=CALLBACK)
    return [
        _post(
            "/api/webhooks/publish-status",
            "Report a post's result.",
            report,
            schemas.PublishReport,
            answers.ReportAnswer,
        ),
        _post(
            "/api/webhooks/claim",
            "Claim an attempt before publishing. Granted once.",
            claim,
            schemas.ClaimRequest,
            answers.ClaimAnswer,
        ),
    ]


def _connections() -> list[tuple[str, str, dict[str, Any]]]:
    finish = operation("finishConnection", "503 not_configured", security=())
    parameters = [
        {"in": "query", "name": name, "required": False, "schema": {"type": "string"}}
        for name in ("state", "code", "error")
    ]
    pages = {
        "200": {"description": "The account is connected.", "content": HTML},
        "303": {"description": "The same results, on the page of CONNECT_RETURN_URL."},
        "400": {"description": "The account is not connected. The page says why.", "content": HTML},
        "503": {"description": "", "content": dict(HTML)},
    }
    summary = "Finish to connect an account. LinkedIn sends the browser here."
    content = finish | {"summary": summary, "tags": ["connect"], "parameters": parameters, "responses": pages}
    return [("/api/social-accounts/linkedin/callback", "get", content)]


def _operators() -> list[tuple[str, str, dict[str, Any]]]:
    run = operation("runScheduler", "403 admin_required", security=("user", "adminSecret"))
    status = operation("getSchedulerStatus", "429 rate_limited", security=())
    ready = _get("/readyz", "Tell if posts can go out.", operation("getReadiness", security=()), answers.ReadyAnswer)
    ready[2]["responses"]["503"] = _answer(answers.ReadyAnswer, "Posts cannot go out now.")
    return [
        _post("/api/scheduler/run", "Run one sweep now, as an admin.", run, None, answers.RunAnswer),
        _get("/api/scheduler/status", "Read the scheduler's state.", status, answers.SchedulerStatus),
        _get("/healthz", "Tell if the process works.", operation("getHealth", security=()), answers.HealthAnswer),
        ready,
        _metrics(),
    ]


def _metrics() -> tuple[str, str, dict[str, Any]]:
    text = {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    content = operation(
        "getMetrics", "401 unauthorized", "429 rate_limited", "503 not_configured", security=("metricsSecret",)
    )
    content |= {"summary": "Read the metrics, in Prometheus' text format.", "tags": ["machines"]}
    return "/metrics", "get", content | {"responses": {"200": text}}


def _pages() -> list[tuple[str, str, dict[str, Any]]]:
    page = {"description": "The page.", "content": HTML}
    document = {"description": "This document.", "content": {"application/json": {"schema": {"type": "object"}}}}
    found = [_calendar()]
    for path, name, summary, answer in (
        ("/docs", "getDocs", "Read the API's documentation.", page),
        ("/openapi.json", "getOpenapi", "Read the OpenAPI document.", document),
    ):
        content = operation(name, security=())
        found.append((path, "get", content | {"summary": summary, "tags": ["docs"], "responses": {"200": answer}}))
    return [*found, *_console_pages(), _console_file(), *_sign_in()]


def _console_pages() -> list[tuple[str, str, dict[str, Any]]]:
    page = {"200": {"description": "The page.", "content": HTML}, "304": {"description": "The page is as it was."}}
    return [
        (path, "get", operation(name, security=()) | {"summary": summary, "tags": ["console"], "responses": dict(page)})
        for path, name, summary in (
            ("/", "getCalendarPage", "Open the console's calendar."),
            ("/console", "getConsole", "Open the console."),
            ("/console/<path:page>", "getConsolePage", "Open a page of the console."),
        )
    ]


def _sign_in() -> list[tuple[str, str, dict[str, Any]]]:
    away = {"303": {"description": "The next page: the provider's, the console's, or its sign-in with ?error=."}}
    errors = ("429 rate_limited", "503 not_configured database_unavailable too_busy")
    begin, finish = (operation(name, *errors, security=()) for name in ("beginSignIn", "finishSignIn"))
    parameters = [
        {"in": "query", "name": name, "required": False, "schema": {"type": "string"}}
        for name in ("state", "code", "iss", "error")
    ]
    finish["parameters"] = parameters
    return [
        (f"/console/oidc/{name}", "get", content | {"summary": text, "tags": ["console"], "responses": dict(away)})
        for name, content, text in (
            ("begin", begin, "Sign in to the console by the identity provider."),
            ("callback", finish, "Finish to sign in. The provider sends the browser here."),
        )
    ]


def _console_file() -> tuple[str, str, dict[str, Any]]:
    kinds = {kind: {"schema": {"type": "string"}} for kind in ("text/javascript", "text/css")}
    content = operation("getConsoleFile", "404 not_found", security=())
    content |= {"summary": "Read a built file of the console.", "tags": ["console"]}
    content |= {"responses": {"200": {"description": "The file, for good.", "content": kinds}}}
    return "/console/assets/<path:name>", "get", content


def _calendar() -> tuple[str, str, dict[str, Any]]:
    calendar = {"description": "The calendar.", "content": {"text/calendar": {"schema": {"type": "string"}}}}
    content = operation(
        "getCalendar", "404 feed_not_found", "429 rate_limited", "503 database_unavailable too_busy", security=()
    )
    content |= {"summary": "Read a feed as a calendar.", "tags": ["feeds"], "responses": {"200": calendar}}
    return "/feeds/<token>.ics", "get", content


def _get(path: str, summary: str, content: dict[str, Any], answer: type[Schema]) -> tuple[str, str, dict[str, Any]]:
    return path, "get", content | {"summary": summary, "tags": ["machines"], "responses": {"200": _answer(answer)}}


def _post(
    path: str, summary: str, content: dict[str, Any], body: type[Schema] | None, answer: type[Schema]
) -> tuple[str, str, dict[str, Any]]:
    described = _get(path, summary, content, answer)[2]
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return path, "post", described


def _answer(schema: type[Schema], description: str = "OK") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
