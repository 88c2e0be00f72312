"""One wish to stop, from Ctrl-C, SIGTERM or a closed terminal, noticed by everything that waits."""

import signal
import time
from types import FrameType

from app.local.errors import StopRequested

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BEAT_SECONDS = 0.05


class StopSign:
    """A flag rather than an exception in the handler: no child may be lost between its start and its being noted."""

    def __init__(self) -> None:
        self.count = 0

    def install(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self._raise)

    @property
    def urgent(self) -> bool:
        """Asked twice: no more patience with what is still running."""
        return self.count > 1

    def check(self) -> None:
        if self.count:
            raise StopRequested

    def pause(self, seconds: float = BEAT_SECONDS) -> None:
        """Sleeps, but not through a wish to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, BEAT_SECONDS))
        self.check()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
