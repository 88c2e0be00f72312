"""Full garbage collections come in a moment without a due post, and by themselves only after many others."""

import gc
import subprocess
import sys

import pytest

from app.adapters.garbage import ENOUGH_YOUNG, MOST_YOUNG, collect_if_quiet

STARTED = """
import gc, threading
from app.adapters.garbage import collect_in_quiet
made = threading.Event()
gc.callbacks.append(lambda phase, info: made.set() if (phase, info["generation"]) == ("stop", 2) else None)
asked = []
collect_in_quiet(lambda: asked.append(True))
print(gc.get_threshold())
for _ in range({young}):
    gc.collect(1)
print(made.wait(30), asked != [])
"""


@pytest.mark.parametrize(
    ("young", "busy", "made"),
    [(ENOUGH_YOUNG, False, True), (ENOUGH_YOUNG - 1, False, False), (MOST_YOUNG, True, False)],
    ids=["quiet", "little garbage", "a post is due"],
)
def test_full_collection_waits_for_garbage_and_for_quiet(
    monkeypatch: pytest.MonkeyPatch, young: int, busy: bool, made: bool
):
    calls = list[str]()
    monkeypatch.setattr(gc, "get_count", lambda: (1, 1, young))
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collected"))
    assert collect_if_quiet(lambda: busy) is made
    assert calls == ["collected"] * made


def test_started_thread_collects_and_python_itself_hardly_does():
    done = subprocess.run(
        [sys.executable, "-c", STARTED.format(young=ENOUGH_YOUNG + 1)], capture_output=True, text=True, timeout=60
    )
    threshold, seen = done.stdout.splitlines()
    assert threshold == str((*gc.get_threshold()[:2], MOST_YOUNG))
    assert seen == "True True"
