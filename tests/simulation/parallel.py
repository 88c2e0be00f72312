"""Many seeds, side by side in processes; each process keeps one stage."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from functools import cache

from tests.simulation.breaks import BREAKS
from tests.simulation.seed_run import Outcome, Stage
from tests.simulation.world import World

CHUNK = 20


@cache
def stage() -> Stage:
    return Stage()


def play(task: tuple[int, str]) -> Outcome:
    return play_one(*task)[0]


def play_one(seed: int, broken: str, *, telling: bool = False) -> tuple[Outcome, World]:
    if not broken:
        return stage().play(seed, telling=telling)
    with BREAKS[broken].made():
        return stage().play(seed, telling=telling, also=BREAKS[broken].also)


def outcomes(seeds: Iterable[int], broken: str, workers: int) -> Iterator[Outcome]:
    tasks = [(seed, broken) for seed in seeds]
    if workers == 1:
        yield from map(play, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(play, tasks, chunksize=CHUNK)
