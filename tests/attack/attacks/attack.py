"""The interface of an attack, and the kinds of verdict."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

from tests.attack.target import Request, Target, Window, flood

Kind = Literal["slow", "other"]  # slow sockets cost the attacker nothing, so their limit is stricter


class Attack(ABC):
    """One attack. The order of the calls is `prepare`, `aim`, `run`."""

    name: ClassVar[str]
    kind: ClassVar[Kind] = "other"
    posts: ClassVar[int] = 0  # that `aim` schedules

    def prepare(self, target: Target) -> None:  # noqa: B027  (an attack may need none)
        """Create the attacker's objects, before the attack's time is known."""

    def aim(self, target: Target, window: Window) -> None:  # noqa: B027  (an attack may have no posts)
        """Schedule the attacker's posts for the window."""

    @abstractmethod
    def run(self, target: Target, window: Window) -> None:
        """Attack until the window ends."""


class Flood(Attack):
    """Requests in turn, from several connections at a bounded rate.

    The rate leaves the app's machine a part of its processors, because the attackers run on it too.
    """

    threads: ClassVar[int] = 8
    per_second: ClassVar[float] = 500.0

    def run(self, target: Target, window: Window) -> None:
        most = int((window.end - window.start) * self.per_second)
        flood(target, self.requests(target), window.end, self.threads, most, self.per_second)

    @abstractmethod
    def requests(self, target: Target) -> Sequence[Request]:
        """Build the requests, sent in turn."""
