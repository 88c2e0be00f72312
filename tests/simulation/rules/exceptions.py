"""What the app may raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.domain.errors import Refusal
from tests.simulation.kernel import Death

if TYPE_CHECKING:
    from tests.simulation.kernel import Actor
    from tests.simulation.world import World


def nothing_is_raised_but_refusals(world: World, actor: Actor) -> Iterator[str]:
    """Whatever strikes, callers hear a Refusal; deliveries hear one only where nothing was recorded."""
    if actor.error is not None and not isinstance(actor.error, Refusal | Death):
        yield f"{actor.name} raised {type(actor.error).__name__}: {actor.error}"
