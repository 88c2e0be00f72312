"""The interface of an attack, and the kinds of verdict."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from tests.attack.target import Request, Target, Window, flood

Kind = Literal["slow", "other"]  # slow sockets cost the attacker nothing, so their limit is stricter


class Attack:
    """One attack. The order of the calls is `prepare`, `aim`, `run`."""

    name: ClassVar[str]
    kind: ClassVar[Kind] = "other"

    def prepare(self, target: Target) -> None:
        """Create the attacker's objects, before the attack's time is known."""

    def aim(self, target: Target, window: Window) -> None:
        """Schedule the attacker's posts for the window."""

    def run(self, target: Target, window: Window) -> None:
        """Attack until the window ends."""
        raise NotImplementedError


class Flood(Attack):
    """Requests in turn, from several connections without a pause."""

    threads: ClassVar[int] = 8
    most: ClassVar[int] = 5_000

    def run(self, target: Target, window: Window) -> None:
        flood(target, self.requests(target), window.end, self.threads, self.most)

    def requests(self, target: Target) -> Sequence[Request]:
        raise NotImplementedError
