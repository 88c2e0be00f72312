"""The stop signal: SIGINT, SIGTERM or SIGHUP, checked by every wait of the stack."""

import signal
import time
from types import FrameType

from app.local.errors import StopRequested

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHECK_SECONDS = 0.05


class StopSignal:
    """A flag set by the signal handler.

    An exception from the handler could arrive between the start of a child and its registration. The child would then
    run on after the stack.
    """

    def __init__(self) -> None:
        self.count = 0

    def install(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self._raise)

    @property
    def urgent(self) -> bool:
        """True after the second signal: kill the children without a grace period."""
        return self.count > 1

    def check(self) -> None:
        """Check for a signal.

        Raises: StopRequested when one has arrived.
        """
        if self.count:
            raise StopRequested

    def pause(self, seconds: float = CHECK_SECONDS) -> None:
        """Sleep for `seconds`.

        Raises: StopRequested when a signal has arrived or arrives meanwhile.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, CHECK_SECONDS))
        self.check()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
