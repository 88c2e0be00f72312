"""The composition root: the only file that chooses the adapters of the use cases."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from app.accounts.refresh import renew_account
from app.adapters.clock import SystemClock
from app.adapters.event_sender import POLL_SECONDS, SECONDS, HttpEventSender
from app.adapters.media import HttpMediaCheck
from app.adapters.media_files import HttpMediaFiles
from app.adapters.n8n import N8nPublisher
from app.adapters.own_address import OwnAddress
from app.adapters.qstash import QStashMessages
from app.adapters.qstash_log import QStashLog
from app.adapters.qstash_schedules import QStashSchedules
from app.adapters.qstash_signature import SignatureVerifier
from app.adapters.termination import watch_termination
from app.adapters.threads import run_many
from app.adapters.user_tokens import UserTokens
from app.adapters.vault import FernetVault
from app.delivery.gate.gate import Gate
from app.deps import Deps, Services
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from app.domain.ports import Clock, Publisher
from app.domain.seats import Seats
from app.domain.sign_in import SignIn
from app.domain.traces import Tracer
from app.domain.webhooks import AllMessages
from app.settings.environment import read_settings
from app.settings.values import Settings
from app.store.engine import Database, Engine, TimeLimits, make_engine

if TYPE_CHECKING:
    from app.adapters.linkedin import LinkedIn

#: Many instances share the database's connections, and each holds its own pool while it is suspended.
SERVERLESS_POOL = {"pool_size": 4, "pool_overflow": 4}


def wire(settings: Settings | None = None) -> Services:
    """Build the app's dependencies from `settings` or the environment. Opens no connection yet.

    Raises: SettingsError.
    """
    settings = settings or read_settings(os.environ)
    clock, db = SystemClock(), Database(_engine(settings))
    tracer = _tracer(settings)
    messages = _messages(settings, tracer)
    publishers = _publishers(settings, clock, tracer)
    deps = Deps(
        settings=settings,
        clock=clock,
        db=db,
        messages=messages,
        publisher=publishers[0] if publishers else None,
        more_publishers=tuple(publishers[1:]),
        vault=FernetVault(settings.token_encryption_keys) if settings.token_encryption_keys else None,
        gate=Gate(),
        renew_account=renew_account,
        run_many=run_many,
        seats=Seats(settings.dispatch_max_waiting) if settings.dispatch_max_waiting else None,
        linkedin=_linkedin(settings),
        media=HttpMediaCheck(allow_loopback=settings.local) if settings.media_check_seconds else None,
        media_files=HttpMediaFiles(allow_loopback=settings.local) if settings.media_check_seconds else None,
        database_clock=db.is_postgresql,
        stop=watch_termination(),
        event_messages=messages,
        event_sender=HttpEventSender(
            allow_loopback=settings.local, seconds=POLL_SECONDS if settings.poll_mode else SECONDS
        ),
        in_flight=_in_flight(settings),
    )
    deps = deps if settings.metrics_secret is None else _counted(deps, messages)
    keys = (settings.qstash_current_signing_key, settings.qstash_next_signing_key)
    return Services(
        deps,
        UserTokens(settings, clock),
        SignatureVerifier(*keys),
        schedules=None if settings.poll_mode else QStashSchedules(settings),
        message_log=None if settings.poll_mode else QStashLog(settings),
        own_address=OwnAddress(settings) if settings.public_base_url else None,
        tracer=tracer,
        sign_in=_sign_in(settings, clock),
    )


def _tracer(settings: Settings) -> Tracer | None:
    """Start what is sent to observers of errors and traces, each only where it is set."""
    if settings.sentry_dsn is not None:
        from app.adapters.sentry import start_sentry

        start_sentry(settings.sentry_dsn)
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    from app.adapters.open_telemetry import OpenTelemetry

    return OpenTelemetry(settings.otel_exporter_otlp_endpoint)


def _publishers(settings: Settings, clock: SystemClock, tracer: Tracer | None) -> list[Publisher]:
    plain = [N8nPublisher(settings, clock, url) for url in settings.n8n_webhook_urls]
    if tracer is None:
        return [*plain]
    from app.adapters.traced import TracedPublisher

    return [TracedPublisher(each, tracer, name) for each, name in zip(plain, settings.n8n_names, strict=True)]


def _messages(settings: Settings, tracer: Tracer | None) -> AllMessages | None:
    if settings.poll_mode:
        return None
    plain = QStashMessages(settings)
    if tracer is None:
        return plain
    from app.adapters.traced import TracedMessages

    return TracedMessages(plain, tracer)


def _counted(deps: Deps, messages: AllMessages | None) -> Deps:
    """Count the calls to outside services. Imported only where somebody reads the counts."""
    from app.adapters.counted import CountedEventSender, CountedMessages
    from app.store.operations.call_counts import CallCounts

    counts = CallCounts(deps.db)
    counted = None if messages is None else CountedMessages(messages, counts.add)
    sender = None if deps.event_sender is None else CountedEventSender(deps.event_sender, counts.add)
    return replace(deps, call_counts=counts, messages=counted, event_messages=counted, event_sender=sender)


def _engine(s: Settings) -> Engine:
    limits = TimeLimits(
        lock=s.database_lock_timeout_seconds,
        statement=s.database_statement_timeout_seconds,
        idle_transaction=s.database_idle_transaction_timeout_seconds,
    )
    return make_engine(s.database_url, limits, **(SERVERLESS_POOL if s.vercel else {}))


def _in_flight(settings: Settings) -> InFlight | Lanes:
    """Return the sends in flight of the only n8n, or a lane of them for each of several."""
    lanes = [InFlight(settings.n8n_max_in_flight, shared=True) for _ in settings.n8n_webhook_urls or ("",)]
    return lanes[0] if len(lanes) == 1 else Lanes(lanes)


def _sign_in(settings: Settings, clock: Clock) -> SignIn | None:
    if not settings.console_oidc_issuer:
        return None
    from app.adapters.oidc import OidcProvider

    return OidcProvider(settings, clock)


def _linkedin(settings: Settings) -> LinkedIn | None:
    if not settings.linkedin_client_id:
        return None
    from app.adapters.linkedin import (
        LinkedIn,  # imported only where configured: it costs a cold start its OAuth library
    )

    return LinkedIn(settings)
