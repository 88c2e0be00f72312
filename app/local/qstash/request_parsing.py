"""Request parsing for all routes: JSON bodies, lists of ids, the caller's address and the account."""

import json
from typing import Any

from aiohttp import web

from .account import Account
from .errors import ApiError

ACCOUNT: web.AppKey[Account] = web.AppKey("account", Account)


def caller_ip(request: web.Request) -> str:
    return request.remote or ""


async def json_body(request: web.Request) -> Any:
    """Return the parsed body, or None for an empty one.

    Raises: ApiError when the body is not JSON.
    """
    raw = await request.read()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "failed to parse request body: not JSON") from error


async def id_list(request: web.Request, name: str) -> list[str]:
    """Return the ids under `name`. The list is empty if the body or the field is missing.

    Raises: ApiError when the field is not a list of strings, or when there is another field. A filter that is ignored
    would concern every message.
    """
    body = await json_body(request) or {}
    if isinstance(body, dict) and body.keys() - {name}:
        others = ", ".join(sorted(body.keys() - {name}))
        raise ApiError(400, f"failed to parse request body: the stand-in takes {name} alone, not {others}")
    ids = (body.get(name) or []) if isinstance(body, dict) else body
    if not isinstance(ids, list) or not all(isinstance(identity, str) for identity in ids):
        raise ApiError(400, f"failed to parse request body: {name} must be a list of strings")
    return ids
