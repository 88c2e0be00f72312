"""Read the rows of a bulk call, from JSON or CSV, into operations. A wrong row gets its own result.

Invariant: each kind of row takes the fields of its own, so a misplaced one is an error of that row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from marshmallow import ValidationError, fields, validate

from app.domain.bulk import MAX_ROWS, Op, Operation, RowResult, spread
from app.domain.errors import FieldError, Invalid, NotFound, Refusal, invalid_field
from app.web import schemas
from app.web.csv_rows import EXTRA, require_few_rows
from app.web.fields import Camel, Items, Length, Pasted, Text, WrittenTime
from app.web.ids import uuid_or_none, with_text_ids
from app.web.problems import MAX_ERRORS, flatten

OPS = [op.value for op in Op]
COLUMNS = (
    *("op", "postId", "content", "platform", "postType", "media", "imageUrl", "socialAccountId", "clientId"),
    *("companyId", "scheduledAt", "timeZone", "fold", "force", "by", "slot"),
)


class BulkSchedule(schemas.ScheduleRequest):
    post_id = Pasted(required=True, validate=Length(max=64))


class BulkMove(Camel):
    """A move of one post by a duration, or of several posts into a span."""

    post_id = Pasted(validate=Length(max=64))
    by = Pasted(validate=Length(max=64))
    post_ids = Items(Pasted(validate=Length(max=64)), most=MAX_ROWS)
    first = WrittenTime(data_key="from", validate=Length(max=64))
    last = WrittenTime(data_key="until", validate=Length(max=64))
    time_zone = Text(load_default=None, allow_none=True, validate=Length(max=64))
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class BulkNamed(Camel):
    post_id = Pasted(required=True, validate=Length(max=64))
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class BulkRequest(Camel):
    operations = fields.List(fields.Raw(allow_none=True), required=True, validate=validate.Length(min=1))
    dry_run = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    atomic = fields.Boolean(load_default=False, truthy={True}, falsy={False})


_SCHEMAS: dict[Op, Camel] = {
    Op.CREATE: schemas.PostCreate(),
    Op.SCHEDULE: BulkSchedule(),
    Op.MOVE: BulkMove(),
    Op.UNSCHEDULE: BulkNamed(),
    Op.CANCEL: BulkNamed(),
    Op.RETRY: BulkNamed(),
}


@dataclass(slots=True)
class Rows:
    """The rows of a call: the readable ones, and a result for each other one."""

    operations: list[Operation] = field(default_factory=list)
    unreadable: list[RowResult] = field(default_factory=list)


def read_rows(numbered: Iterable[tuple[int, Any]], now: datetime, max_days: float) -> Rows:
    """Read rows of JSON values, each with its number. `now` and `max_days` bound the times of a spread.

    Raises: Invalid where the posts of all rows are too many.
    """
    rows = Rows()
    for number, values in numbered:
        try:
            rows.operations += _read_row(number, values, now, max_days)
        except Refusal as refusal:
            post_id = values.get("postId") if isinstance(values, Mapping) else None
            known = uuid_or_none(post_id) if isinstance(post_id, str) else None
            rows.unreadable.append(
                RowResult(number, False, known, refusal.code, refusal.detail, errors=tuple(refusal.errors))
            )
        require_few_rows(len(rows.operations) + len(rows.unreadable), MAX_ROWS)
    return rows


def from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON values of a CSV row. A row without op creates a post."""
    values: dict[str, Any] = {"op": Op.CREATE.value, **cells}
    if "fold" in values:
        values["fold"] = {"0": 0, "1": 1}.get(values["fold"].strip(), values["fold"])
    if "force" in values:
        values["force"] = {"true": True, "false": False}.get(values["force"].strip().lower(), values["force"])
    if "media" in values:
        try:
            values["media"] = json.loads(values["media"])
        except (ValueError, RecursionError):
            values["media"] = None  # refused by its field
    return values


def _read_row(number: int, values: Any, now: datetime, max_days: float) -> list[Operation]:
    if not isinstance(values, Mapping):
        raise invalid_field("operations", "invalid", "Send an object for each row.")
    if EXTRA in values:
        raise invalid_field("row", "too_many_cells", "This row has more cells than the header has columns.")
    op, given = values.get("op"), {name: value for name, value in values.items() if name != "op"}
    if not isinstance(op, str) or op.strip() not in OPS:
        raise invalid_field("op", "unknown_op", f"Use one of: {', '.join(OPS)}.")
    kind = Op(op.strip())
    read = _load(_SCHEMAS[kind], given)
    if kind is Op.CREATE:
        time = (read.pop("scheduled_at", None), read.pop("time_zone", None), read.pop("fold", 0))
        at, zone, fold = time
        slot = read.pop("slot", None) is not None
        return [Operation(number, kind, at=at, time_zone=zone, fold=fold, draft=with_text_ids(read), slot=slot)]
    if kind is Op.MOVE:
        return _read_move(number, read, now, max_days)
    at = read.get("scheduled_at")
    return [
        Operation(
            *(number, kind, _post_id(read["post_id"]), at, read.get("time_zone"), read.get("fold", 0), read["force"]),
            slot=read.get("slot") is not None,
        )
    ]


def _read_move(number: int, read: dict[str, Any], now: datetime, max_days: float) -> list[Operation]:
    names, force = set(read) - {"time_zone", "force"}, read["force"]
    if names == {"post_id", "by"}:
        return [Operation(number, Op.MOVE, _post_id(read["post_id"]), by=read["by"], force=force)]
    if names != {"post_ids", "first", "last"} or not read["post_ids"]:
        message = "Send postId and by, or postIds, from and until."
        raise invalid_field("move", "invalid_move", message)
    ids, zone = [_post_id(one) for one in read["post_ids"]], read["time_zone"]
    instants = spread(ids, read["first"], read["last"], zone, now, max_days)
    return [
        Operation(number, Op.MOVE, post_id, at.isoformat(), zone, force=force)
        for post_id, at in zip(ids, instants, strict=True)
    ]


def _load(schema: Camel, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(schema.load(values))
    except ValidationError as error:
        errors: list[FieldError] = list(islice(flatten(error.messages), MAX_ERRORS))
        detail = " ".join(f"{one.field}: {one.message}" for one in errors[:5])
        raise Invalid("invalid_fields", detail, errors) from None


def _post_id(text: str) -> str:
    found = uuid_or_none(text)
    if found is None:
        raise NotFound("post_not_found", "There is no such post.")
    return found
