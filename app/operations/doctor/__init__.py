"""The checks of `flask doctor`, by their subject."""
