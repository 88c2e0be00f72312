"""The HTTP server: routes, authentication, error answers, and outages on request."""

import hmac
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from . import api_control, api_events_and_dlq, api_messages, api_schedules
from .account import Account
from .errors import ApiError
from .request_parsing import ACCOUNT
from .timers import wall_ms

MAX_REQUEST_BYTES = 64 * 1024 * 1024
_log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(account: Account) -> web.Application:
    app = web.Application(middlewares=[_logged, _errors, _outages, _authenticated], client_max_size=MAX_REQUEST_BYTES)
    app[ACCOUNT] = account
    app.add_routes([*_message_routes(), *_record_routes(), *_schedule_routes(), *_control_routes()])
    return app


def _message_routes() -> list[web.RouteDef]:
    return [
        web.post(api_messages.PUBLISH_PREFIX + "{destination:.*}", api_messages.publish),
        web.post("/v2/batch", api_messages.batch),
        web.delete("/v2/messages", api_messages.cancel_many),
        web.delete("/v2/messages/", api_messages.cancel_many),
        web.get("/v2/messages/{id}", api_messages.get_message),
        web.delete("/v2/messages/{id}", api_messages.cancel),
    ]


def _record_routes() -> list[web.RouteDef]:
    return [
        web.get("/v2/events", api_events_and_dlq.events),
        web.get("/v2/logs", api_events_and_dlq.events),
        web.get("/v2/dlq", api_events_and_dlq.list_dead_letters),
        web.delete("/v2/dlq", api_events_and_dlq.delete_dead_letters),
        web.get("/v2/dlq/{id}", api_events_and_dlq.get_dead_letter),
        web.delete("/v2/dlq/{id}", api_events_and_dlq.delete_dead_letter),
        web.post("/v2/dlq/retry/{id}", api_events_and_dlq.retry_dead_letter),
        web.get("/v2/keys", api_events_and_dlq.get_keys),
        web.post("/v2/keys/rotate", api_events_and_dlq.rotate_keys),
    ]


def _schedule_routes() -> list[web.RouteDef]:
    return [
        web.get("/v2/schedules", api_schedules.list_all),
        web.get("/v2/schedules/{id}", api_schedules.get),
        web.delete("/v2/schedules/{id}", api_schedules.delete),
        web.patch("/v2/schedules/{id}/pause", api_schedules.pause),
        web.patch("/v2/schedules/{id}/resume", api_schedules.resume),
        web.post(api_schedules.SCHEDULES_PREFIX + "{destination:.*}", api_schedules.put),
    ]


def _control_routes() -> list[web.RouteDef]:
    return [
        web.post(api_control.PREFIX + "/drop-next", api_control.drop_next),
        web.post(api_control.PREFIX + "/lose", api_control.lose),
        web.post(api_control.PREFIX + "/outage", api_control.outage),
        web.post(api_control.PREFIX + "/slow", api_control.slow),
        web.get(api_control.PREFIX + "/messages", api_control.messages),
        web.post(api_control.PREFIX + "/reset", api_control.reset),
    ]


def _routes_of(app: web.Application) -> str:
    """Return the routes of QStash that the stand-in has, in reading order."""
    routes = ((route.method, route.resource) for route in app.router.routes() if route.method != "HEAD")
    named = (f"{method} {resource.canonical}" for method, resource in routes if resource is not None)
    return ", ".join(name for name in named if api_control.PREFIX not in name)


def _is_control(request: web.Request) -> bool:
    return request.path.startswith(api_control.PREFIX + "/")


@web.middleware
async def _logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    started = wall_ms()
    response = await handler(request)
    request.app[ACCOUNT].log.call(request.method, request.raw_path, response.status, started)
    return response


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as refusal:
        return web.json_response({"error": refusal.text}, status=refusal.status, headers=refusal.headers)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        text = f"{request.method} {request.path} is no route of the stand-in. It has {_routes_of(request.app)}"
        return web.json_response({"error": text}, status=404)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason.lower()}, status=error.status)
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return web.json_response({"error": "internal error"}, status=500)


@web.middleware
async def _outages(request: web.Request, handler: Handler) -> web.StreamResponse:
    mode = "" if _is_control(request) else request.app[ACCOUNT].faults.outage()
    if mode == "503":
        raise ApiError(503, "service unavailable")
    response = await handler(request)
    if mode and request.transport is not None:
        request.transport.abort()
    return response


@web.middleware
async def _authenticated(request: web.Request, handler: Handler) -> web.StreamResponse:
    expected = f"Bearer {request.app[ACCOUNT].token}".encode()
    given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
    if not _is_control(request) and not hmac.compare_digest(given, expected):
        raise ApiError(401, "unable to authenticate: invalid token")
    return await handler(request)
