"""Sixteen author threads that create, schedule and change posts at planned instants, through the real API."""

import heapq
import itertools
import threading
import time
from collections.abc import Sequence

from tests.chaos.authored_post import Action, AuthoredPost
from tests.chaos.frontend import Frontend, NoAnswerError
from tests.chaos.plan import Draft

THREADS = 16

Step = tuple[float, Action, float | None]  # when to act (unix seconds), the action, the new due instant


class AuthorPool:
    """Runs the steps of one post in order, and those of different posts concurrently."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self.account = ""
        self._steps: list[tuple[float, int, AuthoredPost, Sequence[Step]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open = 0
        self.authored_posts: dict[str, AuthoredPost] = {}
        self.problems: list[str] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]

    def begin(self) -> None:
        self.account = self._frontend.account()
        for thread in self._threads:
            thread.start()

    def write(self, drafts: Sequence[Draft]) -> list[AuthoredPost]:
        """Create all drafts as posts and return them in order.

        Raises: NoAnswerError when a post could not be created.
        """
        written: list[AuthoredPost | None] = [None] * len(drafts)
        indexes = iter(range(len(drafts)))
        lock = threading.Lock()

        def create_some() -> None:
            while True:
                with lock:
                    index = next(indexes, None)
                if index is None:
                    return
                draft = drafts[index]
                written[index] = self._frontend.write(draft.label, draft.text, self.account)

        threads = [threading.Thread(target=create_some, daemon=True) for _ in range(min(THREADS, len(drafts)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        authored_posts = [post for post in written if post is not None]
        if len(authored_posts) < len(drafts):
            raise NoAnswerError("some posts could not be created")
        self.authored_posts.update({post.post_id: post for post in authored_posts})
        return authored_posts

    def schedule(self, post: AuthoredPost, draft: Draft, origin: float) -> None:
        """Schedule the post now, and queue its later changes at their offsets from `origin`."""
        changes = [(origin + c.at, c.action, None if c.due is None else origin + c.due) for c in draft.changes]
        self._add(post, [(0.0, Action.SCHEDULE, origin + draft.due), *changes])

    def idle(self) -> bool:
        with self._changed:
            return self._open == 0

    def end(self) -> None:
        self._frontend.stop.set()
        with self._changed:
            self._changed.notify_all()

    def _add(self, post: AuthoredPost, steps: Sequence[Step]) -> None:
        with self._changed:
            self._open += 1
            self._push(post, steps)

    def _push(self, post: AuthoredPost, steps: Sequence[Step]) -> None:
        heapq.heappush(self._steps, (steps[0][0], next(self._numbers), post, steps))
        self._changed.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            post, (step, *rest) = taken
            try:
                self._frontend.perform(post, step[1], step[2])
            except Exception as error:
                self.problems.append(f"{post.post_id}: {step[1].value}: {error}")
                rest = []
            with self._changed:
                if rest:
                    self._push(post, rest)
                else:
                    self._open -= 1

    def _take(self) -> tuple[AuthoredPost, Sequence[Step]] | None:
        """Wait for the next due step. None means the pool is stopping."""
        with self._changed:
            while not self._frontend.stop.is_set():
                wait = self._steps[0][0] - time.time() if self._steps else 1.0
                if wait <= 0:
                    _, _, post, steps = heapq.heappop(self._steps)
                    return post, steps
                self._changed.wait(min(wait, 1.0))
        return None
