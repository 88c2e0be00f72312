"""Rules without I/O: lifecycle, outcomes, retry, times, limits, delivery keys. Standard library only."""
