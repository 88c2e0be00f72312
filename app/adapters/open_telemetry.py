"""Send spans to an OpenTelemetry collector, by OTLP over HTTP. Imported only where the setting is there.

Invariant: spans leave in batches from a thread of their own, so a slow collector delays nothing.
"""

from __future__ import annotations

import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.domain.traces import Span
from app.version import VERSION

TIMEOUT_SECONDS = 5
DELAY_MS = 2_000  # between two batches


class OpenTelemetry:
    """An implementation of traces.Tracer."""

    def __init__(self, endpoint: str) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or "punctual"
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=TIMEOUT_SECONDS)
        self._provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": VERSION}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MS))
        self._tracer = self._provider.get_tracer("punctual")
        self._propagator = TraceContextTextMapPropagator()

    def record(self, span: Span) -> None:
        parent = self._propagator.extract({"traceparent": span.parent}) if span.parent else None
        made = self._tracer.start_span(
            span.name,
            context=parent,
            kind=SpanKind.CLIENT if span.outgoing else SpanKind.SERVER,
            attributes=dict(span.attributes),
            start_time=span.began_ns,
        )
        if span.failed:
            made.set_status(Status(StatusCode.ERROR))
        made.end(span.ended_ns)
