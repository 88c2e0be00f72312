"""Read a CSV body: a header and its rows, each with the number of its first line.

Invariant: a file is read whole or refused with the line that is wrong. A wrong cell refuses its own row alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator

from app.domain.errors import FieldError, Invalid, invalid_field
from app.settings.pasted import trim
from app.web.problems import MAX_ERRORS, shorten

EXTRA = "extra cells"  # the name of cells beyond the header


def read_csv(raw: bytes, columns: Collection[str], max_rows: int) -> list[tuple[int, dict[str, str]]]:
    """Return each row's first line and its cells that are not empty, by column.

    The separator is a comma, or a semicolon where the header has no comma. Cells beyond the header are named EXTRA.

    Raises: Invalid for a file that is no UTF-8, no CSV, has no row, too many rows or an unknown column.
    """
    text = _decode(raw)
    records = _records(text)
    _, header = next(records, (1, []))
    if not header:
        raise invalid_field("body", "empty_file", "The file is empty. Send a header line and a line for each row.")
    names = _check_header([trim(name) for name in header], columns)
    rows = [(line, cells) for line, cells in records if any(cells)]
    if not rows:
        raise invalid_field("body", "no_rows", "The file has a header and no rows.")
    require_few_rows(len(rows), max_rows)
    return [(line, _named(names, cells)) for line, cells in rows]


def require_few_rows(rows: int, max_rows: int) -> None:
    """Check the number of rows of a bulk call.

    Raises: Invalid.
    """
    if rows > max_rows:
        message = f"Send at most {max_rows:,} rows in one call. Split the rest into further calls."
        raise invalid_field("operations", "too_many_rows", message, max_rows, rows)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"Line {line} is not UTF-8. Save the file as CSV in UTF-8 and send it again."
        raise invalid_field(f"line {line}", "not_utf8", message) from None


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the cells of each record that is not blank.

    Raises: Invalid for broken quotes and for a cell above the limit of Python's reader.
    """
    first_line = text.split("\n", 1)[0]
    separator = ";" if ";" in first_line and "," not in first_line else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        what = "has a cell of more than 131,072 characters" if "field larger" in str(error) else "has broken quotes"
        message = f"The row that begins at line {line} {what}. Put cells with quotes or line breaks in double quotes."
        raise invalid_field(f"line {line}", "invalid_csv", message) from None


def _check_header(names: list[str], columns: Collection[str]) -> list[str]:
    errors: list[FieldError] = []
    for name in names:
        if name not in columns:
            message = f"Unknown column. Use some of: {', '.join(columns)}."
            errors.append(FieldError(shorten(name) or "header", "unknown_column", message))
        elif names.count(name) > 1 and name not in [error.field for error in errors]:
            errors.append(FieldError(name, "repeated_column", "Name this column once.", 1, names.count(name)))
        if len(errors) == MAX_ERRORS:
            break
    if errors:
        raise Invalid(errors[0].code, " ".join(f"{one.field}: {one.message}" for one in errors[:3]), errors)
    return names


def _named(names: list[str], cells: list[str]) -> dict[str, str]:
    found = {name: cell for name, cell in zip(names, cells, strict=False) if cell != ""}
    if any(cells[len(names) :]):
        found[EXTRA] = ""
    return found
