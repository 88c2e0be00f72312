"""Alerts, breaker, sweep runs, counts, statistics, idempotency keys."""
