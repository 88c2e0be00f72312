"""Simulates the hosts of the authors' media: some files are gone until the author replaces them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.domain.ports import MediaVerdict

if TYPE_CHECKING:
    from tests.simulation.world import World

GOOD = "https://media.example/good-{}.jpg"
GONE = "https://media.example/gone-{}.jpg"


def url(number: int, *, gone: bool) -> str:
    """Return the address of one file."""
    return (GONE if gone else GOOD).format(number)


def is_gone(address: str) -> bool:
    return "/gone-" in address


def has_gone(media: str) -> bool:
    """Return True if a file of a row's `media` is gone."""
    return any(is_gone(item["url"]) for item in json.loads(media))


class SimulatedMedia:
    """ports.MediaCheck. A look takes its time, so an edit may overtake the verdict."""

    def __init__(self, world: World) -> None:
        self._world = world

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        world = self._world
        world.step("media.look", may_freeze=False)
        if world.kernel.current is not None:
            world.kernel.pause(seconds * world.rng.random())
        if world.inject("media_unheard"):
            return ["unknown" for _ in urls]
        return ["gone" if is_gone(one) else "fine" for one in urls]
