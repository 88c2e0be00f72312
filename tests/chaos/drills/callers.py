"""Callers during a drill: some write, schedule, move and call off posts, others only read."""

import itertools
import threading
import time
import uuid
from collections.abc import Callable

from tests.chaos.author_pool import AuthorPool
from tests.chaos.authored_post import Action, AuthoredPost
from tests.chaos.frontend import Frontend, NoAnswerError

WRITERS, READERS = 3, 2
AHEAD_SECONDS = 4.0
PAUSE_SECONDS = 0.15
END_SECONDS = 200.0  # longer than a frontend goes on asking
READS = (
    "/api/posts?limit=50",
    "/api/posts/counts",
    "/api/posts?status=scheduled&sort=scheduledAt",
    "/api/social-accounts",
    "/api/scheduler/status",
    "/healthz",
    "/readyz",
)


class Callers:
    """Threads that call until they are ended. Their posts are judged like those of the other authors."""

    def __init__(self, frontend: Frontend, authors: AuthorPool) -> None:
        self._frontend = frontend
        self._authors = authors
        self._numbers = itertools.count()
        self._enough = threading.Event()
        self._threads: list[threading.Thread] = []
        self.problems: list[str] = []

    def write(self) -> None:
        """Start the writers."""
        self._start(self._write_until_ended, WRITERS)

    def read(self) -> None:
        """Start the readers."""
        self._start(self._read_until_ended, READERS)

    def end(self) -> None:
        """Let every caller finish its last call."""
        self._enough.set()
        deadline = time.monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.problems.append("a caller still waits for an answer")

    def _start(self, work: Callable[[], None], count: int) -> None:
        threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
        self._threads += threads
        for thread in threads:
            thread.start()

    def _write_until_ended(self) -> None:
        while not self._enough.wait(PAUSE_SECONDS):
            number = next(self._numbers)
            try:
                post = self._write(number)
                if post is not None:
                    self._frontend.read(post.post_id)
            except NoAnswerError as error:
                self.problems.append(str(error))
            except Exception as error:
                self.problems.append(f"caller's post {number}: {type(error).__name__}: {error}")

    def _write(self, number: int) -> AuthoredPost | None:
        """Write and schedule a post, every second one by a single call with a key."""
        text, account = f"Drill, caller's post {number}", self._authors.account
        if number % 2:
            post = self._frontend.write("caller", text, account)
            self._authors.authored_posts[post.post_id] = post
            self._change(post, number // 2)
            return post
        # Only the answer makes the post known, so a second post of the same key is judged as never scheduled.
        due = time.time() + AHEAD_SECONDS
        keyed = self._frontend.write_once("caller", text, account, due, str(uuid.uuid4()))
        if keyed is not None:
            self._authors.authored_posts[keyed.post_id] = keyed
        return keyed

    def _change(self, post: AuthoredPost, number: int) -> None:
        due = time.time() + AHEAD_SECONDS
        self._frontend.perform(post, Action.SCHEDULE, due)
        match number % 5:
            case 1:
                self._frontend.perform(post, Action.UNSCHEDULE)
            case 2:
                self._frontend.perform(post, Action.CANCEL)
            case 3:
                self._frontend.perform(post, Action.SCHEDULE, due + 2)

    def _read_until_ended(self) -> None:
        for path in itertools.cycle(READS):
            if self._enough.wait(PAUSE_SECONDS):
                return
            self._frontend.ask(path)
