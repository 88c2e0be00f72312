"""The account's plan: the limits of delay, retries and messages per day.

Invariant: a publish beyond the plan is refused with the service's own text, and nothing of it is stored.
"""

from dataclasses import dataclass

from .errors import ApiError
from .headers import Instructions

FREE_MAX_DELAY_SECONDS = 604_800
FREE_MAX_RETRIES = 5
DEFAULT_RETRIES = 3
DEFAULT_TIMEOUT_SECONDS = 900
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of one account. `max_delay` is in seconds. `daily_quota` None: unlimited."""

    max_delay: int = FREE_MAX_DELAY_SECONDS
    max_retries: int = FREE_MAX_RETRIES
    daily_quota: int | None = None

    def retries(self, instructions: Instructions) -> int:
        return min(DEFAULT_RETRIES, self.max_retries) if instructions.retries is None else instructions.retries

    def check(self, instructions: Instructions, now_ms: int) -> None:
        """Check the delay and the retries against the plan.

        Raises: ApiError (412).
        """
        if instructions.due_ms(now_ms) - now_ms > self.max_delay * 1000:
            raise ApiError(412, f"quota maxDelay exceeded, current limit: {self.max_delay}")
        if self.retries(instructions) > self.max_retries:
            raise ApiError(412, f"quota maxRetries exceeded, current limit: {self.max_retries}")


@dataclass(slots=True)
class DailyUse:
    """The number of messages published on the present UTC day."""

    day: int = 0
    used: int = 0

    def take(self, count: int, quota: int | None, now_ms: int) -> None:
        """Count messages.

        Raises: ApiError (429) when they exceed the quota. Then none is counted.
        """
        today = now_ms // 1000 // DAY_SECONDS
        if today != self.day:
            self.day, self.used = today, 0
        if quota is not None and self.used + count > quota:
            raise ApiError(429, "exceeded daily rate limit", self._headers(quota))
        self.used += count

    def _headers(self, quota: int) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(quota),
            "RateLimit-Remaining": str(max(0, quota - self.used)),
            "RateLimit-Reset": str((self.day + 1) * DAY_SECONDS),
        }
