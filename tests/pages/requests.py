"""Requests as pages write them: blocks of http, with the answer in the block of JSON below, where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.pages.markdown import Page


@dataclass
class Written:
    """One request of a page, and the answer below it, None for none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    answer: Any


def requests_of(page: Page, names: Mapping[str, str]) -> Iterator[Written]:
    """Yield the requests with the names in braces replaced. `names` may grow in between."""
    blocks = page.blocks()
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language != "http":
            continue
        text = block.text
        for name, value in names.items():
            text = text.replace(name, value)
        head, _, body = text.partition("\n\n")
        first, *headers = head.strip().splitlines()
        method, path = first.split(" ", 1)
        fields = dict(line.split(": ", 1) for line in headers)
        answer = json.loads(following.text) if following and following.language == "json" else None
        yield Written(method, path, fields, json.loads(body) if body else None, answer)


def assert_fits(shown: Any, real: Any, where: str) -> None:
    """Check that the real answer has all fields of the shown one, and the same statuses."""
    if isinstance(shown, dict):
        assert set(shown) <= set(real), where
        for name, value in shown.items():
            assert_fits(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list) and shown and isinstance(shown[0], dict):
        assert real, where
        assert_fits(shown[0], real[0], f"{where}[0]")
    elif where.endswith((".status", ".platform")):
        assert shown == real, where
