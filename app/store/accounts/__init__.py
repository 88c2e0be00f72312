"""Social accounts: rows, tokens, open authorizations."""
