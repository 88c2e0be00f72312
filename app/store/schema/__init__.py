"""Tables, columns, constraints and indexes."""
