"""Fields and validators of all schemas: text, pasted values, ids, instants, numbers and lengths.

Invariant: a value that passes can be stored in every database and sent as JSON, and no error repeats the value.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, pre_load, validate

from app.domain.content.marks import MAX_MARKS, longest_run
from app.domain.errors import FieldError, Invalid
from app.domain.lifecycle import Status
from app.domain.names import is_name
from app.domain.times import cut_fraction, parse_instant, to_wire
from app.settings.pasted import fits_header, trim
from app.web.ids import uuid_or_none

MAX_URL = 2048
MAX_HOST = 253  # RFC 1035. The pattern of a URL is slow on longer ones
MAX_UNKNOWN = 50  # fields of an object beyond those of its schema
_COUNT = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Camel(Schema):
    """A schema with snake_case names inside and camelCase in JSON. It refuses unknown fields."""

    class Meta:
        unknown = RAISE

    def __deepcopy__(self, _memo: dict[int, Any]) -> Camel:
        """Return the schema itself.

        flask-smorest copies schemas at every decorator. Schemas never change, and copying them is slow.
        """
        return self

    @pre_load
    def check_number_of_fields(self, data: Any, **_kwargs: Any) -> Any:
        """Refuse an object of too many fields at once, before an error is collected for each.

        A schema that ignores unknown fields never looks at them.

        Raises: ValidationError.
        """
        most = len(self.load_fields) + MAX_UNKNOWN
        if self.unknown == RAISE and isinstance(data, Mapping) and len(data) > most:
            message = f"Has {len(data)} fields. Send only the documented ones."
            raise ValidationError([FieldError("", "too_many_fields", message, most, len(data))])
        return data

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(part.capitalize() for part in rest)


class Answer(Camel):
    """A schema of an answer. All its fields are always there, except `SOMETIMES`. Clients must allow new ones."""

    SOMETIMES: tuple[str, ...] = ()

    class Meta:
        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name not in self.SOMETIMES


class Length(validate.Length):
    """A check of a length. Its error carries the limit and the actual length."""

    def __call__(self, value: Any) -> Any:
        try:
            return super().__call__(value)
        except ValidationError as error:
            actual, too_long = len(value), self.max is not None and len(value) > self.max
            code, limit = ("too_long", self.max) if too_long else ("too_short", self.min)
            raise ValidationError([FieldError("", code, str(error.messages[0]), limit, actual)]) from None


class HttpUrl(validate.URL):
    """A check of an http(s) URL. Its host may have underscores, as the names of buckets do."""

    def __init__(self) -> None:
        super().__init__(schemes={"http", "https"}, require_tld=False, error="Must be an http(s) URL.")

    def __call__(self, value: str) -> str:
        if len(value) <= MAX_URL:  # another check refuses longer ones
            head, slashes, rest = value.partition("://")
            host = re.split(r"[/?#]", rest, maxsplit=1)[0]
            if len(host) > MAX_HOST:
                raise ValidationError(self.error)
            super().__call__(head + slashes + host.replace("_", "x") + rest[len(host) :])
            self._check_port(value)
        return value

    def _check_port(self, value: str) -> None:
        try:
            _ = urlsplit(value).port  # raises ValueError above 65535
        except ValueError:
            raise ValidationError(self.error) from None


class Text(fields.String):
    """Text for every database and every JSON parser: without NUL and without half of a surrogate pair.

    It has at most MAX_MARKS combining marks in a row. Its length is checked before all other rules, which cost time.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = self.clean(super()._deserialize(value, attr, data, **kwargs))
        for check in self.validators:
            if isinstance(check, Length):
                check(text)
        if "\0" in text:
            raise ValidationError("Must not contain NUL characters.")
        if _SURROGATE.search(text):
            raise ValidationError("Contains half of a surrogate pair. Send complete characters.")
        _check_marks(text)
        self.check(text)
        return text

    def clean(self, text: str) -> str:
        return text

    def check(self, text: str) -> None:
        """Check the clean text.

        Raises: ValidationError.
        """


def _check_marks(text: str) -> None:
    run = longest_run(text)
    if run > MAX_MARKS:
        message = f"Has {run} combining marks in a row, at most {MAX_MARKS} are allowed. Remove the excess."
        raise ValidationError([FieldError("", "too_many_marks", message, MAX_MARKS, run)])


class Pasted(Text):
    """Text without the white space and invisible characters that pasting adds around it."""

    def clean(self, text: str) -> str:
        return trim(text)


class Token(Pasted):
    """A token or an id of a platform. n8n sends it on in an HTTP header."""

    def check(self, text: str) -> None:
        if text and not fits_header(text):
            raise ValidationError("Must be visible ASCII characters without spaces. Copy it again.")


class Name(Pasted):
    """A name on one line, in any script."""

    def check(self, text: str) -> None:
        if text and not is_name(text):
            raise ValidationError("Must be one line of visible characters, without control or bidi override ones.")


class Statuses(Text):
    """Statuses of posts in a query, separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = super()._deserialize(value, attr, data, **kwargs).split(",", len(Status))
        if not set(names) <= set(Status):
            raise ValidationError(f"Must be of {', '.join(Status)}, separated by commas.")
        return tuple(status for status in Status if status in names)


class Items(fields.List[Any]):
    """A JSON array of at most `most` items. Its length is checked before any item."""

    def __init__(self, item: fields.Field[Any], *, most: int, **kwargs: Any) -> None:
        super().__init__(item, validate=Length(max=most), **kwargs)
        self._check_length = Length(max=most)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._check_length(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Uuid(fields.UUID):
    """A UUID in its canonical form, of any case."""

    def _validated(self, value: Any) -> uuid.UUID:
        canonical = uuid_or_none(trim(value)) if isinstance(value, str) else None
        if canonical is None:
            raise self.make_error("invalid_uuid")
        return uuid.UUID(canonical)


class Count(fields.Integer):
    """A number without sign: a JSON integer, or plain digits in a query."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, str) and not _COUNT.fullmatch(value):
            raise self.make_error("invalid", input=value)
        if not isinstance(value, str | int):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class WireInstant(fields.DateTime):
    """An instant, written as UTC with milliseconds."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return to_wire(value)


class Instant(fields.AwareDateTime):
    """An instant with an offset, converted to UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        try:
            return parse_instant(value, "")
        except Invalid as refusal:
            raise ValidationError(list(refusal.errors)) from None


class WrittenTime(Text):
    """An author's time as text. Digits beyond the microseconds do not count as its length."""

    def clean(self, text: str) -> str:
        return cut_fraction(text)


def http_url(**kwargs: Any) -> Pasted:
    return Pasted(validate=[Length(max=MAX_URL), HttpUrl()], **kwargs)
