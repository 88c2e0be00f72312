"""Rule on the exceptions of the app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.domain.errors import Refusal
from tests.simulation.kernel import Killed
from tests.simulation.routes import HttpAnswer

if TYPE_CHECKING:
    from tests.simulation.kernel import Actor
    from tests.simulation.world import World


def only_refusals_are_raised(world: World, actor: Actor) -> Iterator[str]:
    """Every call ends with a result or a Refusal, under any fault.

    A delivery raises a Refusal only where nothing was recorded.
    """
    if actor.error is not None and not isinstance(actor.error, Refusal | Killed):
        yield f"{actor.name} raised {type(actor.error).__name__}: {actor.error}"


def no_answer_is_a_bug(world: World, actor: Actor) -> Iterator[str]:
    """No route answers 500, which says that nothing in the app caught the error."""
    if isinstance(actor.result, HttpAnswer) and actor.result.status == 500:
        yield f"{actor.name} was answered 500: {actor.result.body[:200]}"
