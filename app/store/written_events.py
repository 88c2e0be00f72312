"""The mark of a transaction that has written events."""

from __future__ import annotations

from typing import Final

WRITTEN: Final = "events_written"  # the key in a connection's `info`, true until the transaction ends
