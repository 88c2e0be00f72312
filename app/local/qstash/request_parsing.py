"""What the routes share: the account behind them, JSON bodies, ids, and the caller's address."""

import json
from typing import Any

from aiohttp import web

from app.local.qstash.errors import Refusal

from .account import Account

ACCOUNT: web.AppKey[Account] = web.AppKey("account", Account)


def caller_ip(request: web.Request) -> str:
    return request.remote or ""


async def json_body(request: web.Request) -> Any:
    """The parsed body; None where there is none."""
    raw = await request.read()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Refusal(400, "failed to parse request body: not JSON") from error


async def id_list(request: web.Request, name: str) -> list[str]:
    """The ids under `name`; empty where the body or the field is missing."""
    body = await json_body(request) or {}
    ids = (body.get(name) or []) if isinstance(body, dict) else body
    if not isinstance(ids, list) or not all(isinstance(identity, str) for identity in ids):
        raise Refusal(400, f"failed to parse request body: {name} must be a list of strings")
    return ids
