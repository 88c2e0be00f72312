"""The `Upstash-*` request headers, parsed once into a frozen value.

Invariant: a message is stored only if its headers parse. Headers that do not parse are answered with 400.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from . import retry_delay
from .destination import check_destination
from .errors import ApiError

Headers = tuple[tuple[str, str], ...]

DEFAULT_PERIOD_SECONDS = 1  # of a flow-control rate
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+[smhd])+")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Headers of the connection itself cannot be forwarded.
_NOT_FORWARDED = ("", "connection", "content-length", "host", "transfer-encoding")
_CALLBACK_OPTIONS = ("retries", "retry-delay", "timeout", "method", "delay", "label")


@dataclass(frozen=True, slots=True)
class Callback:
    """The address of a report, and the publish headers of the message with the report."""

    url: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class FlowControl:
    """The limits of one flow-control key: so many deliveries in flight, so many starts in each period of seconds."""

    key: str
    parallelism: int | None
    rate: int | None
    period: int


@dataclass(frozen=True, slots=True)
class Instructions:
    """The publisher's instructions. `not_before` is in Unix seconds, `delay` and `timeout` are in seconds."""

    forward: Headers
    method: str
    not_before: int | None
    delay: int
    retries: int | None
    retry_delay: str | None
    timeout: int | None
    callback: Callback | None
    failure_callback: Callback | None
    deduplication_id: str | None
    content_based: bool
    label: str | None
    flow: FlowControl | None
    cron: str | None
    schedule_id: str | None

    def due_ms(self, now_ms: int) -> int:
        """Return the due instant of the first delivery in Unix ms. A past instant means now."""
        due = self.not_before * 1000 if self.not_before is not None else now_ms + self.delay * 1000
        return max(due, now_ms)


def relevant(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers to store: the content type and all `Upstash-*` headers.

    Raises: ApiError when a name or value is not valid text.
    """
    kept = tuple((k, v) for k, v in headers if k.lower() == "content-type" or k.lower().startswith("upstash-"))
    if any(not _is_text(name + value) for name, value in kept):
        raise ApiError(400, "invalid header: not UTF-8")
    return kept


def override(headers: Headers, newer: Headers) -> Headers:
    """Return the headers with those of the same names replaced by `newer`."""
    replaced = {name.lower() for name, _ in newer}
    return (*((k, v) for k, v in headers if k.lower() not in replaced), *newer)


def without(headers: Headers, *names: str) -> Headers:
    """Return the headers without the given lower-case names."""
    return tuple((k, v) for k, v in headers if k.lower() not in names)


def parse(headers: Headers) -> Instructions:
    """Parse the headers of a publish.

    Raises: ApiError (400) when a header is not valid.
    """
    values = {name.lower(): value.strip() for name, value in headers}
    deduplication_id = values.get("upstash-deduplication-id") or None
    if deduplication_id and ":" in deduplication_id:
        raise ApiError(400, "DeduplicationId cannot contain ':'")
    return Instructions(
        forward=_forwarded(headers),
        method=_method(values.get("upstash-method", "POST")),
        not_before=_integer(values, "upstash-not-before"),
        delay=_duration(values, "upstash-delay") or 0,
        retries=_integer(values, "upstash-retries"),
        retry_delay=_expression(values.get("upstash-retry-delay")),
        timeout=_duration(values, "upstash-timeout"),
        callback=_callback(headers, values, "upstash-callback"),
        failure_callback=_callback(headers, values, "upstash-failure-callback"),
        deduplication_id=deduplication_id,
        content_based=values.get("upstash-content-based-deduplication", "").lower() == "true",
        label=",".join(labels_of(values.get("upstash-label", ""))) or None,
        flow=_flow(values),
        cron=values.get("upstash-cron") or None,
        schedule_id=values.get("upstash-schedule-id") or None,
    )


def labels_of(text: str) -> list[str]:
    """Return the labels of a comma-separated list."""
    return [label.strip() for label in text.split(",") if label.strip()]


def duration_seconds(text: str) -> int | None:
    """Parse a duration such as `90s` or `1d2h3m4s`. None: not a duration."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNIT_SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))


def _is_text(text: str) -> bool:
    """Return False for lone surrogates (bytes that are not UTF-8) and line breaks (from a batch's JSON)."""
    return not any(character in "\r\n\0" or "\ud800" <= character <= "\udfff" for character in text)


def _forwarded(headers: Headers) -> Headers:
    prefix = "upstash-forward-"
    content_type = tuple(("Content-Type", value) for name, value in headers if name.lower() == "content-type")
    named = tuple((name[len(prefix) :], value) for name, value in headers if name.lower().startswith(prefix))
    return content_type + tuple((name, value) for name, value in named if name.lower() not in _NOT_FORWARDED)


def _method(name: str) -> str:
    if name.upper() not in _METHODS:
        raise ApiError(400, f"invalid method: {name}")
    return name.upper()


def _integer(values: dict[str, str], name: str) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise ApiError(400, f"invalid {name} header: {text} is not a whole number")
    return int(text)


def _duration(values: dict[str, str], name: str) -> int | None:
    text = values.get(name)
    if not text:
        return None
    seconds = duration_seconds(text)
    if seconds is None:
        raise ApiError(400, f"invalid {name} header: {text} is not a duration")
    return seconds


def _expression(text: str | None) -> str | None:
    if text:
        try:
            retry_delay.delay_ms(text, 0)
        except retry_delay.BadExpression as error:
            raise ApiError(400, f"invalid upstash-retry-delay header: {error}") from error
    return text or None


def _callback(headers: Headers, values: dict[str, str], name: str) -> Callback | None:
    url = values.get(name)
    if not url:
        return None
    check_destination(url)
    prefix = f"{name}-"
    options = [(key[len(prefix) :], value) for key, value in headers if key.lower().startswith(prefix)]
    carried = tuple((_callback_header(option), value) for option, value in options)
    callback = Callback(url, (("Content-Type", "application/json"), *carried))
    parse(callback.headers)
    return callback


def _callback_header(option: str) -> str:
    """Return the header name for a callback option.

    Known options configure the report's own delivery. Any other name is forwarded to the report's receiver.
    """
    is_option = option.lower() in _CALLBACK_OPTIONS or option.lower().startswith("forward-")
    return f"Upstash-{option}" if is_option else f"Upstash-Forward-{option}"


def _flow(values: dict[str, str]) -> FlowControl | None:
    key, text = values.get("upstash-flow-control-key"), values.get("upstash-flow-control-value", "")
    if not key:
        return None
    parts = dict(part.strip().lower().partition("=")[::2] for part in text.split(",") if part.strip())
    numbers: dict[str, int] = {}
    for name, value in parts.items():
        number = int(value) if value.isdecimal() else duration_seconds(value) if name == "period" else None
        if name not in ("parallelism", "rate", "period") or not number:
            raise ApiError(400, f"invalid upstash-flow-control-value header: {text}")
        numbers[name] = number
    if not {"parallelism", "rate"} & numbers.keys():
        raise ApiError(400, "invalid upstash-flow-control-value header: parallelism or rate is required")
    return FlowControl(
        key, numbers.get("parallelism"), numbers.get("rate"), numbers.get("period", DEFAULT_PERIOD_SECONDS)
    )
