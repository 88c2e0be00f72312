"""Routes for schedules: create or replace, list, get, pause, resume, delete."""

from aiohttp import web

from . import headers as upstash
from .broker import Publication
from .destination import from_target
from .request_parsing import ACCOUNT, caller_ip

SCHEDULES_PREFIX = "/v2/schedules/"


async def put(request: web.Request) -> web.Response:
    url = from_target(request.raw_path, SCHEDULES_PREFIX)
    headers = upstash.relevant(request.headers.items())
    publication = Publication(url, await request.read(), headers, caller_ip(request))
    schedule = await request.app[ACCOUNT].schedules.put(publication)
    return web.json_response({"scheduleId": schedule.id}, status=201)


async def list_all(request: web.Request) -> web.Response:
    schedules = request.app[ACCOUNT].schedules
    return web.json_response([schedules.view(schedule) for schedule in schedules.all()])


async def get(request: web.Request) -> web.Response:
    schedules = request.app[ACCOUNT].schedules
    return web.json_response(schedules.view(schedules.get(request.match_info["id"])))


async def delete(request: web.Request) -> web.Response:
    await request.app[ACCOUNT].schedules.delete(request.match_info["id"])
    return web.Response(status=202)


async def pause(request: web.Request) -> web.Response:
    await request.app[ACCOUNT].schedules.pause(request.match_info["id"])
    return web.Response(status=200)


async def resume(request: web.Request) -> web.Response:
    await request.app[ACCOUNT].schedules.resume(request.match_info["id"])
    return web.Response(status=200)
