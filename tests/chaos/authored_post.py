"""What the author of a post asked for and was told: the side that the ledger is held against.

A call that got no answer is tried again, as a frontend does; from its first try on it may have taken effect.
"""

from dataclasses import dataclass, field
from enum import Enum


class Wish(Enum):
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    CANCEL = "cancel"


@dataclass
class Call:
    """One wish, with all its tries. Instants are unix seconds."""

    wish: Wish
    began: float
    asked: float | None = None  # the due instant that was asked for
    ended: float | None = None  # when there was a definite answer
    due: float | None = None  # the due instant as answered
    granted: bool = False
    doubts: int = 0  # tries that ended with no answer, or with one that leaves open what happened
    answer: str = ""


@dataclass
class Story:
    """A post and everything that was asked for it, one call after another."""

    post_id: str
    label: str
    text: str
    calls: list[Call] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether the author's last word is that the post is to go out."""
        last = self._last_granted()
        return last is not None and last.wish is Wish.SCHEDULE

    @property
    def due(self) -> float | None:
        last = self._last_granted()
        return last.due if last else None

    @property
    def plain(self) -> bool:
        """Scheduled once, at the first try, and left alone."""
        return len(self.calls) == 1 and self.wanted and not self.calls[0].doubts

    def dues_at(self, instant: float) -> list[float]:
        """The due instants that may be in force: more than one while a call is under way, none when called off."""
        dues: list[float] = []
        for call in self.calls:
            if not call.granted or instant < call.began:
                continue
            is_answered = call.ended is not None and instant >= call.ended
            if call.wish is Wish.SCHEDULE:
                found = call.due if is_answered else call.asked
                dues = ([] if is_answered else dues) + ([] if found is None else [found])
            elif is_answered:
                dues = []
        return dues

    def called_off_before(self, instant: float) -> bool:
        """Whether an answer had called the post off by then."""
        return any(
            call.granted and call.wish is not Wish.SCHEDULE and call.ended is not None and call.ended <= instant
            for call in self.calls
        )

    def _last_granted(self) -> Call | None:
        return next((call for call in reversed(self.calls) if call.granted), None)
