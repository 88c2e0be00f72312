"""Social accounts: connect, refresh, expiry."""
