"""What can end the local stack: a reason a person can act on, or the wish to stop."""


class StackError(Exception):
    """Something is wrong; the text says what and what to do. Shown as it is, without a traceback."""


class StopRequested(Exception):
    """Ctrl-C or SIGTERM came while something was being waited for."""
