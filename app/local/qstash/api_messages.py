"""Routes for messages: publish, batch, get, cancel."""

from typing import Any

from aiohttp import web

from . import headers as upstash
from .broker import Publication, Receipt
from .destination import check_destination, from_target
from .errors import ApiError, not_found
from .message import Message, message_view
from .request_parsing import ACCOUNT, caller_ip, id_list, json_body

PUBLISH_PREFIX = "/v2/publish/"


async def publish(request: web.Request) -> web.Response:
    url = from_target(request.raw_path, PUBLISH_PREFIX)
    body = await request.read()
    publication = Publication(url, body, upstash.relevant(request.headers.items()), caller_ip(request))
    receipt = (await request.app[ACCOUNT].broker.publish([publication]))[0]
    return web.json_response(_receipt_view(receipt), status=202 if receipt.deduplicated else 201)


async def batch(request: web.Request) -> web.Response:
    items = await json_body(request)
    if not isinstance(items, list):
        raise ApiError(400, "invalid batch request: body must be a list")
    publications = [_batch_item(item, caller_ip(request)) for item in items]
    receipts = await request.app[ACCOUNT].broker.publish(publications)
    return web.json_response([_receipt_view(receipt) for receipt in receipts])


async def get_message(request: web.Request) -> web.Response:
    return web.json_response(message_view(_pending(request)))


async def cancel(request: web.Request) -> web.Response:
    message = _pending(request)
    await request.app[ACCOUNT].broker.cancel([message])
    return web.Response(status=202)


async def cancel_many(request: web.Request) -> web.Response:
    """Cancel the given messages, or all messages if no ids are given, as the hosted service does.

    A single cancel with an empty id reaches this route too.
    """
    account = request.app[ACCOUNT]
    ids = await id_list(request, "messageIds")
    named = [message for message in map(account.outbox.get, dict.fromkeys(ids)) if message is not None]
    cancelled = await account.broker.cancel(named if ids else account.outbox.all())
    return web.json_response({"cancelled": cancelled})


def _receipt_view(receipt: Receipt) -> dict[str, Any]:
    duplicate = {"deduplicated": True} if receipt.deduplicated else {}
    return {"messageId": receipt.message_id, **duplicate}


def _batch_item(item: Any, ip: str) -> Publication:
    if not isinstance(item, dict) or not isinstance(item.get("destination"), str):
        raise ApiError(400, "invalid batch request: every item needs a destination")
    named, body = item.get("headers") or {}, item.get("body") or ""
    if item.get("queue"):
        raise ApiError(400, "invalid batch request: the stand-in has no queues")
    if not isinstance(named, dict) or not isinstance(body, str):
        raise ApiError(400, "invalid batch request: headers must be an object and body a string")
    check_destination(item["destination"])
    pairs = [(name, str(value)) for name, value in named.items()]
    return Publication(item["destination"], body.encode(), upstash.relevant(pairs), ip)


def _pending(request: web.Request) -> Message:
    message_id = request.match_info["id"]
    message = request.app[ACCOUNT].outbox.get(message_id)
    if message is None:
        raise not_found("message", message_id)
    return message
