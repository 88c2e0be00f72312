"""The account's plan: how far ahead, how often and how much may be published.

Promise: a publish beyond the plan is refused in the service's own words, and nothing of it is stored.
"""

from dataclasses import dataclass

from app.local.qstash.errors import Refusal

from .headers import Instructions

FREE_MAX_DELAY_SECONDS = 604_800
FREE_MAX_RETRIES = 5
DEFAULT_RETRIES = 3
DEFAULT_TIMEOUT_SECONDS = 900
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of one account; `daily_quota=None` is unlimited."""

    max_delay: int = FREE_MAX_DELAY_SECONDS
    max_retries: int = FREE_MAX_RETRIES
    daily_quota: int | None = None

    def retries(self, instructions: Instructions) -> int:
        return min(DEFAULT_RETRIES, self.max_retries) if instructions.retries is None else instructions.retries

    def check(self, instructions: Instructions, now_ms: int) -> None:
        if instructions.due_ms(now_ms) - now_ms > self.max_delay * 1000:
            raise Refusal(412, f"quota maxDelay exceeded, current limit: {self.max_delay}")
        if self.retries(instructions) > self.max_retries:
            raise Refusal(412, f"quota maxRetries exceeded, current limit: {self.max_retries}")


@dataclass(slots=True)
class DailyUse:
    """How many messages were published this UTC day."""

    day: int = 0
    used: int = 0

    def take(self, count: int, quota: int | None, now_ms: int) -> None:
        today = now_ms // 1000 // DAY_SECONDS
        if today != self.day:
            self.day, self.used = today, 0
        if quota is not None and self.used + count > quota:
            raise Refusal(429, "exceeded daily rate limit", self._headers(quota))
        self.used += count

    def _headers(self, quota: int) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(quota),
            "RateLimit-Remaining": str(max(0, quota - self.used)),
            "RateLimit-Reset": str((self.day + 1) * DAY_SECONDS),
        }
