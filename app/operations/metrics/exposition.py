"""Write the metrics in Prometheus' text format, from a registry of their own.

Invariant: a scrape without a database has an answer too, with the metrics of health and of this process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from app.deps import Deps
from app.domain.errors import Unavailable
from app.operations.health import UNREACHABLE, Health
from app.operations.metrics import families
from app.operations.metrics.readings import read_installation, read_process

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(deps: Deps, health: Health) -> bytes:
    """Return the metrics as text. Raises nothing: an absent database is one of them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(list(_collect(deps, health))))
    return generate_latest(registry)


def _collect(deps: Deps, health: Health) -> Iterator[Metric]:
    found: list[Metric] = []
    if health.database in ("ok", "read_only"):
        try:
            seen = read_installation(deps)
        except Unavailable:
            health = UNREACHABLE
        else:
            parts = (families.of_posts, families.of_attempts, families.of_services, families.of_sweeps)
            found = list(chain.from_iterable(part(seen) for part in (*parts, families.of_alerts)))
    process = str(os.getpid())
    yield from families.of_health(health)
    yield from found
    yield from families.of_process(read_process(deps), process)
    for metric in ProcessCollector(namespace="punctual", registry=None).collect():
        yield _labelled(metric, process)


def _labelled(metric: Metric, process: str) -> Metric:
    """Return the metric with the label of this process."""
    labelled = Metric(metric.name, metric.documentation, metric.type)
    for sample in metric.samples:
        labelled.add_sample(sample.name, {**sample.labels, "process": process}, sample.value)
    return labelled


class _Scrape(Collector):
    """The metrics of one scrape."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
