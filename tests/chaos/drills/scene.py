"""The stage of one drill: the running stack, its authors and callers, and the waits between the acts."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.local.errors import StackError
from app.local.stop_signal import StopSignal
from tests.chaos.author_pool import AuthorPool
from tests.chaos.authored_post import AuthoredPost
from tests.chaos.drills.callers import Callers
from tests.chaos.frontend import Frontend
from tests.chaos.plan import Draft
from tests.chaos.stack import ChaosStack

WAIT_SECONDS = 90.0
STEP_SECONDS = 0.005


@dataclass
class Scene:
    """A drill in progress. `origin` is the burst's instant. `began` and `ended` are the fault's."""

    stack: ChaosStack
    frontend: Frontend
    authors: AuthorPool
    callers: Callers
    stop: StopSignal
    origin: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    burst: int = 0
    may_miss: list[str] = field(default_factory=list)  # processes that the drill itself has ended
    promises: dict[str, tuple[str, str | None, int]] = field(
        default_factory=dict
    )  # by post: its group, state and copies
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def schedule(self, drafts: Sequence[Draft], origin: float) -> list[AuthoredPost]:
        """Write the drafts and begin to schedule them, relative to `origin`. Return the posts in order."""
        posts = self.authors.write(drafts)
        for post, draft in zip(posts, drafts, strict=True):
            self.authors.schedule(post, draft, origin)
        return posts

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Record the instants of the fault."""
        self.began = time.time()
        yield
        self.ended = time.time()

    def pause(self, seconds: float) -> None:
        self.stop.pause(seconds)

    def pause_until(self, instant: float) -> None:
        self.stop.pause(max(0.0, instant - time.time()))

    def wait_for(self, what: str, reached: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait until `reached` returns True.

        Raises: StackError after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                raise StackError(f"The drill waited {seconds:g} s for {what}.")
            self.stop.pause(STEP_SECONDS)

    def wait_for_copies(self, count: int) -> None:
        """Wait until so many posts are published."""
        self.wait_for(f"{count} published posts", lambda: self.copies() >= count)

    def copies(self) -> int:
        """Return the number of published posts."""
        journal = self.stack.n8n_data / "published.jsonl"
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def wait_until_ready(self) -> None:
        """Wait until the app's database takes writes again."""
        self.wait_for("the app", lambda: self.stack.answers("app"))
