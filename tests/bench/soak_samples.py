"""Samples of a soak: memory, threads, files and connections of each worker, over time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import requests

from tests.bench.interleaved import percentile
from tests.bench.soak_load import Load

MEGABYTE = 1024 * 1024
SETTLING_SECONDS = 60.0  # caches and pools fill up: growth is counted from here on


@dataclass(frozen=True)
class Sample:
    """One process at one moment. `heap` is None without PYTHONTRACEMALLOC, or where another worker answered."""

    seconds: float
    rss: float
    threads: int
    files: int
    blocks: float | None
    heap: float | None


class Sampler:
    def __init__(self, url: str, secret: str, pids: list[int], database_url: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {secret}"}
        self._database_url = database_url
        self._began = time.monotonic()
        self.of: dict[int, list[Sample]] = {pid: [] for pid in pids}

    def head(self) -> str:
        processes = "".join(f" | {f'process {pid}':>42}" for pid in self.of)
        columns = f" | {'RSS MB':>8} {'heap MB':>8} {'blocks':>9} {'thr':>6} {'files':>7}"
        return f"{'s':>6} {'db':>4}{processes}\n{'':>11}{columns * len(self.of)}"

    def sample(self) -> str:
        seconds, answered = time.monotonic() - self._began, self._scraped()
        line = f"{seconds:>6.0f} {self._connections():>4}"
        for pid, samples in self.of.items():
            blocks, heap = answered.get(str(pid), (None, None))
            one = Sample(seconds, *_of_process(pid), blocks, heap)
            samples.append(one)
            line += f" | {one.rss:>8.1f} {_text(heap):>8} {_text(blocks):>9} {one.threads:>6} {one.files:>7}"
        return line

    def _scraped(self) -> dict[str, tuple[float | None, float | None]]:
        """Scrape until each worker has answered, at most a few times. Return blocks and heap in MB by process."""
        found: dict[str, tuple[float | None, float | None]] = {}
        for _ in range(4 * len(self.of)):
            values = _values(requests.get(f"{self._url}/metrics", headers=self._headers, timeout=30).text)
            for pid in self.of:
                blocks = values.get(f'punctual_python_blocks{{process="{pid}"}}')
                heap = values.get(f'punctual_python_heap_bytes{{process="{pid}"}}')
                if blocks is not None:
                    found[str(pid)] = (blocks, None if heap is None else heap / MEGABYTE)
            if len(found) == len(self.of):
                break
        return found

    def _connections(self) -> int:
        connection = psycopg2.connect(self._database_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'punctual'")
                [found] = cursor.fetchall()
                return int(found[0])
        finally:
            connection.close()


def _values(text: str) -> dict[str, float]:
    """Return the samples of a scrape by name and labels."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def _of_process(pid: int) -> tuple[float, int, int]:
    """Return RSS in MB, threads and open files."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), files


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value > 10_000 else f"{value:.1f}"


def growth(samples: list[Sample]) -> float:
    """Return the growth of RSS in MB a minute after SETTLING_SECONDS, by least squares."""
    points = [(one.seconds / 60, one.rss) for one in samples if one.seconds >= SETTLING_SECONDS]
    if len(points) < 2:
        return 0.0
    middle = sum(x for x, _ in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * y for x, y in points) / spread


def summary(sampler: Sampler, load: Load) -> str:
    lines = [
        f"process {pid}: RSS {samples[0].rss:.1f} → {samples[-1].rss:.1f} MB, {growth(samples):+.2f} MB a minute"
        f" after the first one, threads {samples[0].threads} → {samples[-1].threads},"
        f" files {samples[0].files} → {samples[-1].files}"
        for pid, samples in sampler.of.items()
        if samples
    ]
    reads = load.reads or [0.0]
    p50, p99 = percentile(reads, 0.5), percentile(reads, 0.99)
    lines.append(f"posts {len(load.posts):,}, reads {len(load.reads):,}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    lines.append(f"errors {sum(load.errors.values())} {dict(load.errors) or ''}")
    return "\n".join(lines)
