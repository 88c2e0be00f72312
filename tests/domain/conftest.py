"""Properties are about what is right, not how fast: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("punctual", deadline=None)
settings.load_profile("punctual")
