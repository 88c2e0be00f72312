"""The gate: many deliveries of one instant are claimed, sent and settled together."""
