"""Social accounts: rows, tokens, OAuth states."""
