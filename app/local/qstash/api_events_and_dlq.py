"""Routes for the event log, the dead letter queue and the signing keys."""

from aiohttp import web

from . import events_and_dlq
from . import headers as upstash
from .errors import not_found
from .request_parsing import ACCOUNT, id_list
from .signing import SigningKeys


async def events(request: web.Request) -> web.Response:
    return web.json_response(await events_and_dlq.list_events(request.app[ACCOUNT].storage, _query(request)))


async def list_dead_letters(request: web.Request) -> web.Response:
    return web.json_response(await events_and_dlq.list_dead_letters(request.app[ACCOUNT].storage, _query(request)))


async def get_dead_letter(request: web.Request) -> web.Response:
    return web.json_response(
        await events_and_dlq.get_dead_letter(request.app[ACCOUNT].storage, request.match_info["id"])
    )


async def delete_dead_letter(request: web.Request) -> web.Response:
    dlq_id = request.match_info["id"]
    if not await events_and_dlq.delete_dead_letters(request.app[ACCOUNT].storage, [dlq_id]):
        raise not_found("dlq message", dlq_id)
    return web.Response(status=202)


async def delete_dead_letters(request: web.Request) -> web.Response:
    ids = await id_list(request, "dlqIds")
    return web.json_response({"deleted": await events_and_dlq.delete_dead_letters(request.app[ACCOUNT].storage, ids)})


async def retry_dead_letter(request: web.Request) -> web.Response:
    """Publish a dead letter again under a new id.

    Publishes before it deletes: a crash between the two repeats the message instead of losing it.
    """
    account, dlq_id = request.app[ACCOUNT], request.match_info["id"]
    dead = await events_and_dlq.load_dead_letter(account.storage, dlq_id)
    newer = tuple(pair for pair in upstash.relevant(request.headers.items()) if pair[0].lower() != "content-type")
    receipt = await account.broker.publish_again(dead, newer)
    await events_and_dlq.delete_dead_letters(account.storage, [dlq_id])
    return web.json_response({"messageId": receipt.message_id})


async def get_keys(request: web.Request) -> web.Response:
    return web.json_response(_keys_view(request.app[ACCOUNT].keys))


async def rotate_keys(request: web.Request) -> web.Response:
    return web.json_response(_keys_view(await request.app[ACCOUNT].rotate_keys()))


def _query(request: web.Request) -> events_and_dlq.Query:
    names = ("messageIds", "label")
    return events_and_dlq.Query(request.query, *(tuple(filter(None, request.query.getall(name, []))) for name in names))


def _keys_view(keys: SigningKeys) -> dict[str, str]:
    return {"current": keys.current, "next": keys.next}
