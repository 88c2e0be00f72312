"""Companies, clients, and who may see what."""
