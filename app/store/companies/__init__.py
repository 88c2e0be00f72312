"""Companies, clients and access conditions."""
