"""Settings: the value, its readers, its checks."""
