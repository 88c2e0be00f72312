"""Settings: their values, readers and checks."""
