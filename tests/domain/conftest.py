"""Hypothesis without limits on time: a busy machine is not a failure."""

from hypothesis import HealthCheck, settings

settings.register_profile("punctual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("punctual")
