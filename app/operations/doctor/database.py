"""The doctor's checks of the database and of the state in it: schema, rights, writes, sweep, tokens, alerts.

Invariant: the only write is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from app.domain.alerts import CURES as ALERT_CURES
from app.domain.alerts import NO_SWEEP_AFTER, PER_OBJECT, SENDING_PAUSED
from app.domain.errors import NotMigrated, Unavailable
from app.domain.ports import Vault
from app.operations.alert_rules import current_alerts
from app.operations.clock import check_clock
from app.operations.doctor.findings import Checkup, Finding
from app.settings.armed_content import armed_content
from app.settings.environment import default_database_url
from app.store import health, inspection, sqlite_file
from app.store.accounts import tokens
from app.store.operations import armed_contents, pauses, runs
from app.store.operations.alerts import Alert

NOT_MIGRATED = "is not migrated: flask --app wsgi db upgrade"
READ_ONLY = "takes no writes: point DATABASE_URL at the primary, or end its read-only mode"
CONNECT = "cannot be reached: check DATABASE_URL"
GRANT = "grant the role SELECT, INSERT, UPDATE and DELETE on all tables, and USAGE on all sequences"
#: Cures by the driver's code, or the beginning of it.
CURES = {
    "42501": ("refuses our role", GRANT),
    "25006": ("takes no writes", READ_ONLY.partition(": ")[2]),
    "53100": ("is full", "free some disk space"),
    "53300": ("has no connection left", "raise max_connections, or use a pooler"),
    "57P03": ("is starting or stopping", "wait, and look at its log if it stays so"),
    "28": ("refuses our login", "check the role and its password in DATABASE_URL"),
    "3D000": ("has no such database", "create it, or correct DATABASE_URL"),
    "55P03": ("is locked", "end the transaction that holds the lock, see pg_locks"),
    "57014": ("is too slow", "look at its load and at pg_locks"),
    "42P01": ("lacks a table", "flask --app wsgi db upgrade"),
    "42703": ("lacks a column", "flask --app wsgi db upgrade"),
    "SQLITE_FULL": ("is full", "free some disk space"),
    "SQLITE_READONLY": ("takes no writes", "make the file and its folder writable for this user"),
    "SQLITE_CANTOPEN": ("cannot be opened", "check the file's folder and its rights"),
    "SQLITE_BUSY": ("is locked", "end the other program that writes to the file"),
    "SQLITE_NOTADB": ("is no SQLite file", "check DATABASE_URL"),
    "SQLITE_CORRUPT": ("is damaged", "restore the latest backup"),
}
MAX_NAMES = 5  # missing parts named in one line
SAMPLED_ACCOUNTS = 500
#: Alerts under which posts still go out. Every other one is a failure.
MILD_ALERTS = frozenset(
    {
        "authorization_refused",
        "duplicate_publish",
        "lateness_unusual",
        "message_service_beyond_horizon",
        "published_after_cancel",
        "reconnect_required",
        "reconnect_soon",
        "stale_claims",
    }
)

OWN_LINES = frozenset({"no_sweep", SENDING_PAUSED})  # alerts of which another check tells

Part = Callable[[Checkup], list[Finding]]


def check_database(checkup: Checkup) -> list[Finding]:
    """Check the database, then the state in it. A failure of the first ends the check."""
    found = _state(checkup)
    if found[-1].mark == "FAIL":
        return found
    for part in PARTS:
        try:
            found += part(checkup)
        except NotMigrated as error:
            if all(finding.mark != "FAIL" for finding in found):  # else the missing part has its line
                found.append(_refused(checkup, error))
        except Unavailable as error:
            found.append(_refused(checkup, error))
    return found


def _state(checkup: Checkup) -> list[Finding]:
    """Check that the database answers and is migrated. The last finding says so, or why not."""
    deps = checkup.deps
    kind = deps.db.engine.dialect.name
    found = _default_file(checkup)
    try:
        read = health.read_state(deps.db)
    except Unavailable as error:
        return [*found, _refused(checkup, error)]
    newest = health.newest_migration()
    if read.state != "ok":
        problem = NOT_MIGRATED if read.state == "not_migrated" else READ_ONLY
        found.append(Finding("FAIL", "database", f"{kind} {problem}"))
    elif read.version > newest:
        text = f"{kind} has the schema {read.version[:40]}, newer than this code's {newest}: deploy the newer code"
        found.append(Finding("WARN", "database", text))
    return found or [Finding("OK", "database", f"{kind} answers and is migrated")]


def _default_file(checkup: Checkup) -> list[Finding]:
    settings = checkup.deps.settings
    if settings.database_url != default_database_url() or settings.local:
        return []
    text = "sqlite in the folder instance/, because DATABASE_URL is unset: set it, unless this is a trial"
    return [Finding("WARN", "database", text)]


def _refused(checkup: Checkup, error: Unavailable) -> Finding:
    """Return the finding of a database error, with the driver's own first line."""
    kind = checkup.deps.db.engine.dialect.name
    code, line = inspection.driver_line(error, checkup.deps.settings.database_url)
    known = next((known for prefix, known in CURES.items() if code.startswith(prefix)), None)
    if known is None:
        return Finding("FAIL", "database", f"{kind} {CONNECT} ({line})")
    return Finding("FAIL", "database", f"{kind} {known[0]} ({line}): {known[1]}")


def _files(checkup: Checkup) -> list[Finding]:
    """Check that a SQLite database's files are closed to other users of this machine."""
    path = sqlite_file.path_of(checkup.deps.db.engine.url)
    names = [str(file) for file in sqlite_file.open_to_others(path)] if path is not None else []
    text = f"other users of this machine can read posts and tokens: chmod 600 {' '.join(names)}"
    return [Finding("WARN", "database", text)] if names else []


def _schema(checkup: Checkup) -> list[Finding]:
    """Compare the tables, columns and indexes with the code's."""
    with checkup.deps.db.reading() as connection:
        parts, indexes = inspection.missing_parts(connection)
    kind = checkup.deps.db.engine.dialect.name
    cure = "the migrations have run, so add it again as in migrations/versions, or restore a backup"
    found = [Finding("FAIL", "database", f"{kind} lacks {_names(parts)}: {cure}")] if parts else []
    return found + (
        [Finding("WARN", "database", f"{kind} lacks the indexes {_names(indexes)}: {cure}")] if indexes else []
    )


def _rights(checkup: Checkup) -> list[Finding]:
    with checkup.deps.db.reading() as connection:
        lacking = inspection.missing_rights(connection)
    text = f"our role in the database lacks {_names(lacking)}: {GRANT}"
    return [Finding("FAIL", "database", text)] if lacking else []


def _write(checkup: Checkup) -> list[Finding]:
    inspection.try_write(checkup.deps.db)
    return []


def _names(names: list[str]) -> str:
    rest = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + rest


def _sweep(checkup: Checkup) -> list[Finding]:
    deps = checkup.deps
    with deps.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
    cure = "run flask --app wsgi sweep --every 300, or call GET /api/posts/recover every five minutes"
    if deps.messages is not None:
        cure += ", or let QStash do it: flask --app wsgi cron install"
    if figures is None:
        return [Finding("WARN", "sweep", f"has never run: {cure}")]
    age = round((deps.clock.now() - figures.last_run_at).total_seconds())
    text = f"ran {age} s ago, {figures.last_status}"
    if age > NO_SWEEP_AFTER.total_seconds():
        return [Finding("FAIL", "sweep", f"{text}: {cure}")]
    if age < -60:
        return [Finding("WARN", "sweep", f"ran {-age} s in the future: let NTP set the clocks of all hosts")]
    if figures.last_status != "ok":
        return [Finding("WARN", "sweep", f"{text}: look at the app's log for its error")]
    return [Finding("OK", "sweep", text)]


def _pause(checkup: Checkup) -> list[Finding]:
    with checkup.deps.db.reading() as connection:
        pause = pauses.read(connection)
    if pause is None:
        return []
    return [Finding("FAIL", "sending", f"is paused since {pause.since:%F %T} UTC, {pause.reason}: flask resume")]


def _tokens(checkup: Checkup) -> list[Finding]:
    """Decrypt the stored tokens of some accounts."""
    vault = checkup.deps.vault
    if vault is None:
        return []  # the settings' check has a line about it
    with checkup.deps.db.reading() as connection:
        accounts = tokens.sample(connection, SAMPLED_ACCOUNTS)

    states = [_state_of_tokens(vault, ciphertexts) for ciphertexts in accounts]
    unreadable, former = states.count("unreadable"), states.count("former")
    if unreadable:
        text = f"{unreadable} of {len(accounts)} accounts cannot be decrypted: add the former key to"
        return [Finding("FAIL", "tokens", f"{text} TOKEN_ENCRYPTION_KEYS, behind the new one")]
    if former:
        text = f"{former} of {len(accounts)} accounts are encrypted with a former key, or not bound to their row"
        return [Finding("WARN", "tokens", f"{text}: flask --app wsgi keys rotate-encryption")]
    return [Finding("OK", "tokens", f"{len(accounts)} accounts can be decrypted" if accounts else "no account yet")]


def _state_of_tokens(
    vault: Vault, ciphertexts: Sequence[tuple[str, str]]
) -> Literal["unreadable", "former", "current"]:
    try:
        current = [vault.is_current(ciphertext, field) for ciphertext, field in ciphertexts]
    except ValueError:
        return "unreadable"
    return "current" if all(current) else "former"


def _armed_content(checkup: Checkup) -> list[Finding]:
    """Compare what armed messages carry with the present settings."""
    if checkup.deps.messages is None:
        return []
    with checkup.deps.db.reading() as connection:
        known = armed_contents.read(connection)
    same = known is None or known.fingerprint == armed_content(checkup.deps.settings)
    if known is None or (same and known.rearmed_at is not None):
        return []
    text = "armed messages carry a former PUBLIC_BASE_URL or secret, or are in another QStash account"
    cure = "the sweep arms the posts again. At once: flask --app wsgi rearm"
    return [Finding("WARN", "messages", f"{text}: {cure}")]


def _alerts(checkup: Checkup) -> list[Finding]:
    deps = checkup.deps
    with deps.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
        standing = current_alerts(connection, deps.clock.now(), figures, with_messages=deps.messages is not None)
    shown = {alert.kind: alert for alert in reversed(standing) if alert.kind not in OWN_LINES}
    in_order = sorted(shown.values(), key=lambda alert: (alert.kind in PER_OBJECT, alert.kind))
    return [
        Finding(
            "WARN" if alert.kind in MILD_ALERTS else "FAIL",
            "alert",
            f"{alert.kind}{_examples(alert)} since {alert.since:%F %T} UTC: {_cure(alert.kind)}",
        )
        for alert in in_order
    ] or [Finding("OK", "alert", "none")]


def _examples(alert: Alert) -> str:
    """Return the count and some ids of an alert about users' accounts or posts."""
    return f" ({alert.count}, such as {', '.join(alert.examples)})" if len(alert.examples) > 1 else ""


def _cure(kind: str) -> str:
    return ALERT_CURES.get(kind, "see GET /api/scheduler/status")


def _clock(checkup: Checkup) -> list[Finding]:
    """Compare this host's clock with the database's."""
    line = check_clock(checkup.deps)
    return [] if line is None else [Finding(*line)]


PARTS: tuple[Part, ...] = (_files, _schema, _rights, _write, _clock, _pause, _sweep, _tokens, _armed_content, _alerts)
