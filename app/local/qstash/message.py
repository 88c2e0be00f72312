"""A message, and its form in the API's answers."""

import base64
import secrets
from dataclasses import dataclass, field
from typing import Any

from . import headers as upstash
from .headers import Headers, Instructions
from .signing import body_digest


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(14)}"


@dataclass(slots=True, eq=False)
class Message:
    """One message until it is delivered, cancelled or dead.

    Times are in Unix ms. After the publish only `retried` and `next_at` change.
    """

    id: str
    url: str
    body: bytes
    headers: Headers
    created_at: int
    not_before: int
    next_at: int
    max_retries: int
    retried: int = 0
    schedule_id: str | None = None
    caller_ip: str = ""
    instructions: Instructions = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.instructions = upstash.parse(self.headers)
        self.digest = body_digest(self.body)

    @property
    def label(self) -> str | None:
        """The labels, comma-separated. Most messages have one."""
        return self.instructions.label


def grouped(headers: Headers) -> dict[str, list[str]]:
    """Return the values of each header name."""
    result: dict[str, list[str]] = {}
    for name, value in headers:
        result.setdefault(name, []).append(value)
    return result


def body_view(name: str, body: bytes) -> dict[str, str]:
    """Return a UTF-8 body under `name`, and any other body in base64 under `nameBase64`."""
    try:
        return {name: body.decode()}
    except UnicodeDecodeError:
        return {f"{name}Base64": base64.b64encode(body).decode()}


def instructions_view(instructions: Instructions) -> dict[str, Any]:
    """Return the instructions as messages, dead letters and schedules show them."""
    callback, failure, flow = instructions.callback, instructions.failure_callback, instructions.flow
    optional = {
        "label": instructions.label,
        "labels": upstash.labels_of(instructions.label) if instructions.label else None,
        "timeout": instructions.timeout,
        "retryDelayExpression": instructions.retry_delay,
        "callback": callback and callback.url,
        "callbackHeader": callback and grouped(upstash.parse(callback.headers).forward),
        "failureCallback": failure and failure.url,
        "failureCallbackHeader": failure and grouped(upstash.parse(failure.headers).forward),
        "flowControlKey": flow and flow.key,
        "parallelism": flow and flow.parallelism,
        "rate": flow and flow.rate,
        "period": flow and flow.period,
    }
    shown = {name: value for name, value in optional.items() if value is not None}
    return {"method": instructions.method, "header": grouped(instructions.forward), **shown}


def message_view(message: Message) -> dict[str, Any]:
    schedule = {"scheduleId": message.schedule_id} if message.schedule_id else {}
    return {
        "messageId": message.id,
        "url": message.url,
        **instructions_view(message.instructions),
        **body_view("body", message.body),
        "maxRetries": message.max_retries,
        "notBefore": message.not_before,
        "createdAt": message.created_at,
        "callerIP": message.caller_ip,
        **schedule,
    }


def log_view(message: Message) -> dict[str, Any]:
    """Return the part of the message that each of its events shows.

    The log has other names than the message: header lists of callbacks in the plural, and a timeout in milliseconds.
    The SDK reads the retry delay under a third name.
    """
    view = instructions_view(message.instructions)
    renamed = {"callbackHeader": "callbackHeaders", "failureCallbackHeader": "failureCallbackHeaders"}
    view = {renamed.get(name, name): value for name, value in view.items()}
    if "timeout" in view:
        view["timeout"] *= 1000
    if "retryDelayExpression" in view:
        view["retryDelayExpr"] = view["retryDelayExpression"]
    return {**view, "maxRetries": message.max_retries, "body": base64.b64encode(message.body).decode()}
