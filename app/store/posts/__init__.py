"""Posts: transitions, claims, attempts, queries."""
