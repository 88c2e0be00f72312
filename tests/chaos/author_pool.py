"""Sixteen authors at work: they write, schedule and change their minds at planned instants, through the real API."""

import heapq
import itertools
import threading
import time
from collections.abc import Sequence

from tests.chaos.authored_post import Story, Wish
from tests.chaos.frontend import Frontend, GaveUpError
from tests.chaos.plan import Draft

THREADS = 16

Step = tuple[float, Wish, float | None]  # when, what, and for which instant


class Authors:
    """A post's steps follow one another; different posts' steps run side by side."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._account = ""
        self._steps: list[tuple[float, int, Story, Sequence[Step]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open = 0
        self.stories: dict[str, Story] = {}
        self.problems: list[str] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]

    def begin(self) -> None:
        self._account = self._frontend.account()
        for thread in self._threads:
            thread.start()

    def write(self, drafts: Sequence[Draft]) -> list[Story]:
        """The drafts as posts, in order; returns when all are written."""
        written: list[Story | None] = [None] * len(drafts)
        places = iter(range(len(drafts)))
        lock = threading.Lock()

        def write_some() -> None:
            while True:
                with lock:
                    place = next(places, None)
                if place is None:
                    return
                draft = drafts[place]
                written[place] = self._frontend.write(draft.label, draft.text, self._account)

        threads = [threading.Thread(target=write_some, daemon=True) for _ in range(min(THREADS, len(drafts)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stories = [story for story in written if story is not None]
        if len(stories) < len(drafts):
            raise GaveUpError("not every post could be written")
        self.stories.update({story.post_id: story for story in stories})
        return stories

    def schedule(self, story: Story, draft: Draft, origin: float) -> None:
        """Now, and what follows at its instants after `origin`."""
        changes = [(origin + c.at, c.wish, None if c.due is None else origin + c.due) for c in draft.changes]
        self._add(story, [(0.0, Wish.SCHEDULE, origin + draft.due), *changes])

    def idle(self) -> bool:
        with self._changed:
            return self._open == 0

    def end(self) -> None:
        self._frontend.stop.set()
        with self._changed:
            self._changed.notify_all()

    def _add(self, story: Story, steps: Sequence[Step]) -> None:
        with self._changed:
            self._open += 1
            self._push(story, steps)

    def _push(self, story: Story, steps: Sequence[Step]) -> None:
        heapq.heappush(self._steps, (steps[0][0], next(self._numbers), story, steps))
        self._changed.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            story, (step, *rest) = taken
            try:
                self._frontend.carry_out(story, step[1], step[2])
            except Exception as error:
                self.problems.append(f"{story.post_id}: {step[1].value}: {error}")
                rest = []
            with self._changed:
                if rest:
                    self._push(story, rest)
                else:
                    self._open -= 1

    def _take(self) -> tuple[Story, Sequence[Step]] | None:
        """The next step whose instant has come; None when it is time to go home."""
        with self._changed:
            while not self._frontend.stop.is_set():
                wait = self._steps[0][0] - time.time() if self._steps else 1.0
                if wait <= 0:
                    _, _, story, steps = heapq.heappop(self._steps)
                    return story, steps
                self._changed.wait(min(wait, 1.0))
        return None
