"""The stored values as frozen dataclasses: a post, its attempts and transitions, an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.domain.lateness import lateness_ms
from app.domain.lifecycle import Status

#: The ways a delivery starts, and the stored values of `attempts.trigger`.
Trigger = Literal["message", "sweep", "poll", "manual"]


@dataclass(frozen=True, slots=True)
class Post:
    """One row of `posts`. Instants are aware UTC. `lateness_ms` is in milliseconds."""

    id: str
    user_id: str
    company_id: str | None
    client_id: str | None
    social_account_id: str | None
    platform: str
    post_type: str
    content: str
    media: list[dict[str, str]]
    image_url: str | None
    status: Status
    scheduled_at: datetime | None
    time_zone: str | None
    next_attempt_at: datetime | None
    lease_until: datetime | None
    sending_at: datetime | None
    generation: int
    attempt: int
    retry_count: int
    arm_count: int
    message_id: str | None
    swept_at: datetime | None
    external_post_id: str | None
    external_url: str | None
    published_at: datetime | None
    lateness_ms: float | None
    error_code: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    rearm_count: int = 0  # alarms set again for the present due instant, after early deliveries
    armed_as: str | None = None  # the fingerprint of what its last stored message carries
    content_hash: int | None = None  # None: unknown, such as of a row from before hashes

    @property
    def published_lateness_ms(self) -> float | None:
        """The milliseconds from the promise to the publication, None for a post that is not published."""
        if self.published_at is None or self.scheduled_at is None:
            return None
        return lateness_ms(self.scheduled_at, self.published_at)

    @property
    def armed(self) -> bool:
        return self.status is Status.SCHEDULED and self.message_id is not None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of `attempts`: the history of one claim. `outcome` is None while unknown.

    `woken_at` is the arrival of the delivery, `accepted_at` n8n's accepting answer, `reported_at` the first report.
    `alarm_late_ms` is the time from the second of the message to its arrival, None without a message.
    `publisher` is the place of its n8n in N8N_WEBHOOK_URL, None where nothing was sent. `connected_at` is the
    account's at the claim, and tells which token was sent. It is None without an account, and in older rows.
    """

    post_id: str
    attempt: int
    generation: int
    trigger: Trigger
    started_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    lateness_ms: float | None
    outcome: str | None
    http_status: int | None
    error_code: str | None
    error: str | None
    asked_at: datetime | None
    external_post_id: str | None
    woken_at: datetime | None = None
    alarm_late_ms: float | None = None
    accepted_at: datetime | None = None
    reported_at: datetime | None = None
    publisher: int | None = None
    connected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of `transitions`: a change of status, its actor and its reason."""

    at: datetime
    from_status: str | None
    to_status: str
    reason: str
    actor: str
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Account:
    """One row of `social_accounts`. The tokens are encrypted.

    `connected_at` is the instant of the current access token. `refresh_expires_at` is the end of the refresh token, or
    None where unknown. `profile_of` is the person of a profile shared with a company, None for pages.
    None where unknown. `refresh_granted` says that the refresh token came by our own OAuth client.
    """

    id: str
    user_id: str
    company_id: str | None
    client_id: str | None
    platform: str
    external_id: str
    account_name: str
    access_token: str
    refresh_token: str | None
    expires_at: datetime | None
    status: str
    connected_at: datetime
    created_at: datetime
    updated_at: datetime
    refresh_expires_at: datetime | None = None
    profile_of: str | None = None
    refresh_granted: bool = False

    @property
    def renewable(self) -> bool:
        """Whether our OAuth client may refresh the tokens. A pasted token is never sent there."""
        return self.refresh_token is not None and self.refresh_granted
