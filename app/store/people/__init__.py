"""A person's rows in all tables: for their export and for their erasure."""
