"""Control routes under `/_local`, for tests and demos. They are not part of QStash and need no token.

They cause the failures of the real service: lost messages, outages, lost answers, slow deliveries.
"""

from typing import Any

from aiohttp import web

from .errors import ApiError, not_found
from .faults import OUTAGE_MODES
from .message import Message, message_view
from .request_parsing import ACCOUNT, json_body

PREFIX = "/_local"


async def drop_next(request: web.Request) -> web.Response:
    """Accept and lose the next `count` published messages."""
    body = await _object(request)
    count = body.get("count", 1)
    if type(count) is not int or count < 0:
        raise ApiError(400, "count must be a whole number, 0 or more")
    request.app[ACCOUNT].faults.drop_next = count
    return web.json_response({"dropNext": count})


async def lose(request: web.Request) -> web.Response:
    """Lose one pending message without an event."""
    account = request.app[ACCOUNT]
    message_id = str((await _object(request)).get("messageId", ""))
    message = account.outbox.get(message_id)
    if message is None:
        raise not_found("message", message_id)
    await account.broker.lose(message)
    return web.json_response({"lost": message_id})


async def outage(request: web.Request) -> web.Response:
    """Start an outage of the API for some seconds, or without end if `seconds` is null.

    `{"seconds": 0}` ends the outage. Deliveries continue during it.
    """
    body = await _object(request)
    mode, seconds = body.get("mode", "503"), body.get("seconds")
    if mode not in OUTAGE_MODES:
        raise ApiError(400, f"mode must be one of {', '.join(OUTAGE_MODES)}")
    if seconds is not None and (type(seconds) not in (int, float) or seconds < 0):
        raise ApiError(400, "seconds must be a number, 0 or more")
    request.app[ACCOUNT].faults.begin_outage(mode, seconds)
    return web.json_response({"mode": mode, "seconds": seconds})


async def slow(request: web.Request) -> web.Response:
    """Delay each message's first delivery by up to `seconds`, and a `coldShare` of them by `coldSeconds` more."""
    body = await _object(request)
    values = [body.get(name, 0) for name in ("seconds", "coldSeconds", "coldShare")]
    if any(type(value) not in (int, float) or value < 0 for value in values) or values[2] > 1:
        raise ApiError(400, "seconds and coldSeconds must be numbers, 0 or more, and coldShare at most 1")
    faults = request.app[ACCOUNT].faults
    faults.slow_seconds, faults.cold_seconds, faults.cold_share = values
    return web.json_response({"seconds": values[0], "coldSeconds": values[1], "coldShare": values[2]})


async def messages(request: web.Request) -> web.Response:
    pending = sorted(request.app[ACCOUNT].outbox.all(), key=lambda message: message.next_at)
    return web.json_response({"messages": [_pending_view(message) for message in pending]})


async def reset(request: web.Request) -> web.Response:
    await request.app[ACCOUNT].reset()
    return web.json_response({"reset": True})


async def _object(request: web.Request) -> dict[str, Any]:
    body = await json_body(request) or {}
    if not isinstance(body, dict):
        raise ApiError(400, "body must be a JSON object")
    return body


def _pending_view(message: Message) -> dict[str, Any]:
    return {**message_view(message), "retried": message.retried, "nextDeliveryTime": message.next_at}
