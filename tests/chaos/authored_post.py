"""A post with its author's calls and their answers: the expectation that the ledger is judged against.

A call without an answer is repeated, as a frontend does. It may have taken effect from its first try on.
"""

from dataclasses import dataclass, field
from enum import Enum


class Action(Enum):
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    CANCEL = "cancel"


@dataclass
class Call:
    """One action with all its tries. Instants are unix seconds."""

    action: Action
    began: float
    asked: float | None = None  # the requested due instant
    ended: float | None = None  # the instant of the definite answer
    due: float | None = None  # the due instant as answered
    granted: bool = False
    doubts: int = 0  # tries without an answer, or with one that leaves the outcome open
    answer: str = ""

    def explains(self, due: float | None, read_at: float) -> bool:
        """Return True if the post's due instant, as read at `read_at`, can come from this call to schedule it.

        The app takes an instant that has just passed as the present one, in whole milliseconds.
        """
        if due is None or self.asked is None:
            return False
        return due == self.asked or (self.asked < self.began <= due + 0.001 and due <= read_at)


@dataclass
class AuthoredPost:
    """A post and its calls, in order."""

    post_id: str
    label: str
    text: str
    calls: list[Call] = field(default_factory=list)

    @property
    def should_publish(self) -> bool:
        """Return True if the last granted call schedules the post."""
        last = self._last_granted()
        return last is not None and last.action is Action.SCHEDULE

    @property
    def due(self) -> float | None:
        last = self._last_granted()
        return last.due if last else None

    @property
    def undisturbed(self) -> bool:
        """Return True if the post was scheduled once, at the first try, and never changed."""
        return len(self.calls) == 1 and self.should_publish and not self.calls[0].doubts

    def possible_due_instants(self, instant: float) -> list[float]:
        """Return the due instants that may be in force at `instant`.

        There are several while a call is unanswered, and none after a cancellation.
        """
        dues: list[float] = []
        for call in self.calls:
            if not call.granted or instant < call.began:
                continue
            is_answered = call.ended is not None and instant >= call.ended
            if call.action is Action.SCHEDULE:
                found = call.due if is_answered else call.asked
                dues = ([] if is_answered else dues) + ([] if found is None else [found])
            elif is_answered:
                dues = []
        return dues

    def cancelled_before(self, instant: float) -> bool:
        """Return True if the post was answered as unscheduled or cancelled by then."""
        return any(
            call.granted and call.action is not Action.SCHEDULE and call.ended is not None and call.ended <= instant
            for call in self.calls
        )

    def _last_granted(self) -> Call | None:
        return next((call for call in reversed(self.calls) if call.granted), None)
