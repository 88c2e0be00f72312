"""Routes for the record and the account: events, dead letters, signing keys."""

from aiohttp import web

from app.local.qstash import events_and_dlq
from app.local.qstash.errors import not_found
from app.local.qstash.request_parsing import ACCOUNT, id_list

from . import headers as upstash
from .signing import SigningKeys


async def events(request: web.Request) -> web.Response:
    return web.json_response(await events_and_dlq.list_events(request.app[ACCOUNT].storage, _query(request)))


async def list_dead(request: web.Request) -> web.Response:
    return web.json_response(await events_and_dlq.list_dead(request.app[ACCOUNT].storage, _query(request)))


async def get_dead(request: web.Request) -> web.Response:
    return web.json_response(await events_and_dlq.get_dead(request.app[ACCOUNT].storage, request.match_info["id"]))


async def delete_dead(request: web.Request) -> web.Response:
    dlq_id = request.match_info["id"]
    if not await events_and_dlq.delete_dead(request.app[ACCOUNT].storage, [dlq_id]):
        raise not_found("dlq message", dlq_id)
    return web.Response(status=202)


async def delete_many_dead(request: web.Request) -> web.Response:
    ids = await id_list(request, "dlqIds")
    return web.json_response({"deleted": await events_and_dlq.delete_dead(request.app[ACCOUNT].storage, ids)})


async def retry_dead(request: web.Request) -> web.Response:
    """A new message first, the dead one gone second: a crash in between repeats it rather than losing it."""
    account, dlq_id = request.app[ACCOUNT], request.match_info["id"]
    dead = await events_and_dlq.dead_message(account.storage, dlq_id)
    newer = tuple(pair for pair in upstash.relevant(request.headers.items()) if pair[0].lower() != "content-type")
    receipt = await account.broker.publish_again(dead, newer)
    await events_and_dlq.delete_dead(account.storage, [dlq_id])
    return web.json_response({"messageId": receipt.message_id})


async def get_keys(request: web.Request) -> web.Response:
    return web.json_response(_keys_view(request.app[ACCOUNT].keys))


async def rotate_keys(request: web.Request) -> web.Response:
    return web.json_response(_keys_view(await request.app[ACCOUNT].rotate_keys()))


def _query(request: web.Request) -> events_and_dlq.Query:
    return events_and_dlq.Query(request.query, tuple(request.query.getall("messageIds", [])))


def _keys_view(keys: SigningKeys) -> dict[str, str]:
    return {"current": keys.current, "next": keys.next}
