"""Companies, members, clients and their permissions."""
