"""n8n's own HTTP responses: the acceptance, and an error for each status."""

import math
from typing import Any

from aiohttp import web

ACCEPTED = {"message": "Workflow was started"}
NOT_REGISTERED_HINT = (
    "The workflow must be active for a production URL to run successfully. You can activate the workflow using the "
    "toggle in the top-right of the editor. Note that unlike test URL calls, production URL calls aren't shown on the "
    "canvas (only in the executions list)"
)

REFUSALS: dict[int, dict[str, Any]] = {
    400: {"code": 400, "message": "Bad request - please check your parameters"},
    401: {"code": 401, "message": "Authorization data is wrong!"},
    403: {"code": 403, "message": "Authorization data is wrong!"},
    413: {"code": 413, "message": "request entity too large"},
    422: {"code": 422, "message": "Failed to parse request body"},
    429: {"code": 429, "message": "Too many requests"},
    500: {"code": 0, "message": "Workflow Webhook Error: Workflow could not be started!"},
    503: {"code": 503, "message": "Database is not ready!"},
}


def refusal(status: int, path: str, retry_after: float | None = None) -> web.Response:
    """Return n8n's error response for a status. `retry_after` is in seconds."""
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    if status == 404:
        return web.json_response(_not_registered(path), status=404, headers=headers)
    if status == 524:  # the answer of the proxy in front of n8n
        return web.Response(text="error code: 524", status=524, headers=headers, content_type="text/plain")
    body = REFUSALS.get(status, {"code": status, "message": f"Refused with {status}, as requested"})
    return web.json_response(body, status=status, headers=headers)


def _not_registered(path: str) -> dict[str, Any]:
    name = path.removeprefix("/webhook/")
    return {
        "code": 404,
        "message": f'The requested webhook "POST {name}" is not registered.',
        "hint": NOT_REGISTERED_HINT,
    }
