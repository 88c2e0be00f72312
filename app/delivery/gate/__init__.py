"""The gate: many deliveries of one instant."""
