"""The rules without I/O: lifecycle, outcomes, retry, times, limits, fences. Standard library only."""
