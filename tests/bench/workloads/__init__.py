"""The workloads. Each runs once on a system and returns the figures."""
