"""The only SQL: engine, tables, every transition, reads."""
