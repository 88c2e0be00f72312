"""Makes many calls, in sequence or concurrently, and times them."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any


def make_calls(call: Callable[[Any], Any], items: Sequence[Any], threads: int) -> tuple[list[Any], float]:
    """Call `call` for each item, and return the results in order and the total seconds.

    Raises: the first exception of a call.
    """
    answers: list[Any] = [None] * len(items)
    errors: list[BaseException] = []
    indexes = itertools.count()

    def work() -> None:
        while not errors and (index := next(indexes)) < len(items):
            try:
                answers[index] = call(items[index])
            except BaseException as error:
                errors.append(error)

    began = time.perf_counter()
    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    if errors:
        raise errors[0]
    return answers, time.perf_counter() - began
