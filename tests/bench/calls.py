"""Many calls, one after the other or several at a time, and how long each of them took."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any


def make_calls(call: Callable[[Any], Any], items: Sequence[Any], threads: int) -> tuple[list[Any], float]:
    """What `call` said to each item, and the seconds for all. The first thing that one of them raises is raised."""
    answers: list[Any] = [None] * len(items)
    broken: list[BaseException] = []
    places = itertools.count()

    def work() -> None:
        while not broken and (place := next(places)) < len(items):
            try:
                answers[place] = call(items[place])
            except BaseException as error:
                broken.append(error)

    began = time.perf_counter()
    crew = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    if broken:
        raise broken[0]
    return answers, time.perf_counter() - began
