"""What may be in a post: its text, its media, and where these may lie. Standard library only, no I/O."""
