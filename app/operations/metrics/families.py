"""Build the metrics from the figures: one function for each part.

Invariant: a known label has a sample from the first scrape on, so that the first occurrence is an increase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.domain.alerts import CURES
from app.domain.metrics import COLUMNS, MEASURES, OUTCOMES, Measure
from app.domain.outcomes import Outcome
from app.domain.platforms import PLATFORMS
from app.operations.health import Health
from app.operations.metrics.readings import Installation, Process
from app.version import VERSION

HISTOGRAMS = {
    "lateness": ("punctual_lateness_seconds", "From the promised instant to the send, of first attempts."),
    "answer": ("punctual_publisher_answer_seconds", "From the send to n8n's acceptance."),
    "report": ("punctual_report_seconds", "From n8n's acceptance to its report: its queue and the platform's answer."),
    "alarm_ahead": ("punctual_alarm_ahead_seconds", "From an alarm's arrival to its instant. 0: it came too late."),
    "alarm_lateness": ("punctual_alarm_lateness_seconds", "From the second of an alarm to its arrival."),
}
RESULTS = (
    *("ok", "unreachable", "unauthorized", "quota_exceeded", "rate_limited", "beyond_horizon", "refused"),
    "broken_answer",
)
CALLS = {
    "qstash_messages": ("punctual_qstash_messages", "Messages published to QStash, by result.", RESULTS),
    "qstash_calls": ("punctual_qstash_calls", "Other calls to QStash, by result.", RESULTS),
    "webhook_deliveries": (
        "punctual_webhook_deliveries",
        "Calls of webhook endpoints, by result.",
        ("ok", "failed", "refused"),
    ),
}
#: Of each platform and n8n.
BY_SEND = ("platform", "publisher")
_NONE = [0.0] * len(COLUMNS)


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def gauges(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family


def of_health(health: Health) -> Iterator[Metric]:
    """Yield what is known without a database too."""
    yield gauges("punctual_info", "The version that runs.", "version", [(VERSION, 1)])
    parts = {"database": health.database, "migrations": health.migrations, "sweep": health.sweep}
    text = "1 while this part is fine, as in /readyz."
    yield gauges("punctual_ready", text, "part", [(part, state == "ok") for part, state in parts.items()])


def of_posts(seen: Installation) -> Iterator[Metric]:
    posts = seen.posts
    oldest = (seen.now - posts.oldest).total_seconds() if posts.oldest else 0.0
    yield gauges("punctual_posts", "Stored posts by status.", "status", posts.by_status.items())
    yield gauge("punctual_posts_overdue", "Scheduled posts past their instant by SWEEP_GRACE_SECONDS.", posts.overdue)
    yield gauge("punctual_posts_oldest_overdue_seconds", "How long the most overdue post waits.", oldest)
    yield gauge("punctual_posts_unarmed", "Scheduled posts within the horizon without an alarm.", posts.unarmed)
    yield gauge("punctual_posts_parked", "Scheduled posts beyond the horizon of QStash.", posts.parked)


def of_attempts(seen: Installation) -> Iterator[Metric]:
    names = [lane.name for lane in seen.lanes]
    known = {(platform, str(number)) for platform in PLATFORMS for number in range(len(names))}
    rows = {(key.partition("|")[0], key.partition("|")[2]): values for key, values in seen.attempts.items()}
    labelled = [
        ([platform, _name_of(names, number)], dict(zip(COLUMNS, rows.get((platform, number)) or _NONE, strict=True)))
        for platform, number in sorted(known | set(rows))
    ]
    for measure in MEASURES:
        yield _histogram(measure, labelled)
    yield from _outcomes(labelled)


def _name_of(names: list[str], number: str) -> str:
    """Return the name of an n8n by its place. One that was removed from the setting has its place alone."""
    return names[int(number)] if int(number) < len(names) else f"removed {number}"


def _histogram(measure: Measure, rows: list[tuple[list[str], dict[str, float]]]) -> Metric:
    family = HistogramMetricFamily(*HISTOGRAMS[measure.name], labels=BY_SEND)
    for labels, figures in rows:
        total, buckets = 0.0, []
        for number, bound in enumerate([*map(str, map(float, measure.bounds)), "+Inf"]):
            total += figures[f"{measure.name} {number}"]
            buckets.append((bound, total))
        family.add_metric(labels, buckets, figures[f"{measure.name} sum"])
    return family


def _outcomes(rows: list[tuple[list[str], dict[str, float]]]) -> Iterator[Metric]:
    accepted = CounterMetricFamily("punctual_attempts_accepted", "Attempts accepted by n8n.", labels=BY_SEND)
    ended = CounterMetricFamily("punctual_attempts", "Ended attempts, by outcome.", labels=[*BY_SEND, "outcome"])
    for labels, figures in rows:
        accepted.add_metric(labels, figures[f"outcome {Outcome.ACCEPTED}"])
        for outcome in OUTCOMES:
            if outcome != Outcome.ACCEPTED:
                ended.add_metric([*labels, outcome], figures[f"outcome {outcome}"])
    yield accepted
    yield ended


def of_services(seen: Installation) -> Iterator[Metric]:
    for name, (metric, text, results) in CALLS.items():
        family = CounterMetricFamily(metric, text, labels=["result"])
        others = {label for of, label in seen.calls if of == name} - set(results)
        for result in (*results, *sorted(others)):
            family.add_metric([result], seen.calls.get((name, result), 0))
        yield family
    lanes = seen.lanes
    opened = [(lane.name, float(lane.is_open)) for lane in lanes]
    yield gauges("punctual_breaker_open", "1 while the breaker of this n8n is open.", "publisher", opened)
    flying = [(lane.name, float(lane.in_flight)) for lane in lanes]
    yield gauges("punctual_in_flight", "Posts in flight to this n8n.", "publisher", flying)
    most = [(lane.name, float(lane.most)) for lane in lanes]
    yield gauges("punctual_in_flight_max", "The most posts in flight to this n8n now.", "publisher", most)
    hooks = seen.webhooks
    stored = [("pending", float(hooks.pending)), ("failed", float(hooks.failed))]
    yield gauges("punctual_webhook_events", "Stored events that wait or failed, 10,000 at most.", "status", stored)
    waits = (seen.now - hooks.oldest_pending).total_seconds() if hooks.oldest_pending else 0.0
    yield gauge("punctual_webhook_oldest_pending_seconds", "How long the oldest of them waits.", waits)


def of_sweeps(seen: Installation) -> Iterator[Metric]:
    figures = seen.sweep
    counts = (figures.total_runs, figures.total_sent, figures.total_failed) if figures else (0, 0, 0)
    yield CounterMetricFamily("punctual_sweeps", "Runs of the sweep.", value=counts[0])
    yield CounterMetricFamily("punctual_sweep_posts_sent", "Posts that sweeps sent themselves.", value=counts[1])
    yield CounterMetricFamily("punctual_sweep_posts_failed", "Those of them that failed.", value=counts[2])
    if figures is not None:
        last = figures.last_run_at.timestamp()
        yield gauge("punctual_sweep_last_run_timestamp_seconds", "The start of the last sweep.", last)
        yield gauge("punctual_sweep_last_ok", "1 if the last sweep went well.", figures.last_status == "ok")
        yield gauge("punctual_sweep_last_duration_seconds", "Its duration.", figures.last_duration_ms / 1000)


def of_alerts(seen: Installation) -> Iterator[Metric]:
    yield gauge("punctual_sending_paused", "1 while an operator has paused all sending.", seen.is_paused)
    shown = [(kind, float(kind in seen.alerts)) for kind in CURES]
    yield gauges("punctual_alert", "1 while this alert of the status route stands.", "kind", shown)


def of_process(seen: Process, name: str) -> Iterator[Metric]:
    """Yield the figures of one process. Others of the same host have the same names, and another label."""
    pool = seen.pool
    family = GaugeMetricFamily(
        "punctual_database_connections", "Database connections of this process.", labels=["process", "state"]
    )
    family.add_metric([name, "used"], pool.used)
    family.add_metric([name, "idle"], pool.open - pool.used)
    yield family
    for metric, text, value in (
        ("punctual_database_connections_max", "The most database connections of this process.", pool.most),
        ("punctual_waiting_deliveries", "Deliveries that wait in this process.", seen.waiting),
        ("punctual_waiting_deliveries_max", "DISPATCH_MAX_WAITING.", seen.most_waiting),
        ("punctual_threads", "Python's threads of this process.", seen.threads),
        ("punctual_python_blocks", "Blocks of memory that Python has allocated in this process.", seen.blocks),
        ("punctual_alarm_lead_seconds", "How far ahead this process sets alarms.", seen.lead or 0.0),
    ):
        yield gauges(metric, text, "process", [(name, value)])
    if seen.heap_bytes is not None:
        text = "Memory of Python's objects in this process, with PYTHONTRACEMALLOC."
        yield gauges("punctual_python_heap_bytes", text, "process", [(name, seen.heap_bytes)])
