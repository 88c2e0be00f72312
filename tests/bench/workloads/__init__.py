"""The works that every system is given. Each returns the figures of one run."""
