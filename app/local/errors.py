"""The exceptions that end the local stack."""


class StackError(Exception):
    """An error with a text for the user: the cause and the remedy. Printed without a traceback."""


class StopRequested(Exception):
    """A stop signal arrived during a wait."""
