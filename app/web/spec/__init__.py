"""The OpenAPI document. Imported on first use, because no other answer needs it."""
