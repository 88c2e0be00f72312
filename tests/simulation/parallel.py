"""Runs many seeds in parallel processes, each with one SeedRunner."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from functools import cache

from tests.simulation.breaks import BREAKS
from tests.simulation.seed_run import Outcome, SeedRunner
from tests.simulation.world import World

CHUNK = 20


@cache
def runner() -> SeedRunner:
    return SeedRunner()


def run_task(task: tuple[int, str]) -> Outcome:
    return run_one(*task)[0]


def run_one(seed: int, broken: str, *, recording: bool = False) -> tuple[Outcome, World]:
    if not broken:
        return runner().run(seed, recording=recording)
    planted = BREAKS[broken]
    with planted.context():
        return runner().run(seed, recording=recording, focus=planted.focus)


def outcomes(seeds: Iterable[int], broken: str, workers: int) -> Iterator[Outcome]:
    tasks = [(seed, broken) for seed in seeds]
    if workers == 1:
        yield from map(run_task, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(run_task, tasks, chunksize=CHUNK)
