"""The SQL of webhook endpoints and of the outbox of their events."""
