"""The sweep's schedule in QStash, for platforms whose own cron is too seldom.

Invariant: one id names the schedule, so a second installation replaces the first.
"""

from __future__ import annotations

from app.domain.ports import SWEEP_SCHEDULE_ID, Schedule, Schedules
from app.settings.values import SWEEP_PERIOD_SECONDS, Settings

SCHEDULE_ID = SWEEP_SCHEDULE_ID
CRON = f"*/{SWEEP_PERIOD_SECONDS // 60:g} * * * *"


class CronNotInstalled(Exception):
    """The schedule cannot be installed. The text says what to do."""


def install(
    settings: Settings, schedules: Schedules | None, schedule_id: str, *, replace: bool
) -> tuple[Schedule | None, Schedule | None]:
    """Create or replace the schedule. Returns the schedule before and after.

    Raises: CronNotInstalled when a setting is missing, or when the id belongs to another address and `replace` is
    False. MessageServiceError when QStash does not take it.
    """
    service = configured(schedules)
    if settings.public_base_url is None:
        raise CronNotInstalled("PUBLIC_BASE_URL is missing. QStash calls it. Set it to this app's public https URL")
    before = service.read(schedule_id)
    if before is not None and before.destination != settings.recover_url and not replace:
        raise CronNotInstalled(
            f"The schedule {schedule_id} calls {before.destination}. If that is an old address of this app, run the "
            "command with --replace. If it is another installation, give this one its own name with --id"
        )
    service.write(schedule_id, settings.recover_url, CRON)
    after = service.read(schedule_id)
    if after is not None and after.paused:
        service.resume(schedule_id)
        after = service.read(schedule_id)
    return before, after


def configured(schedules: Schedules | None) -> Schedules:
    """Return the schedules.

    Raises: CronNotInstalled without QStash.
    """
    if schedules is None:
        raise CronNotInstalled(
            "QSTASH_TOKEN is missing. Without QStash, let a cron call GET /api/cron/publish-scheduled, or run "
            "flask --app wsgi sweep --every 300"
        )
    return schedules
