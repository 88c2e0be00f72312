"""Rules for the content of a post: its text, its media and their addresses. Standard library only, no I/O."""
