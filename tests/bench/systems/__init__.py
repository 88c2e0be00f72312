"""The compared systems. Each starts its processes as its documentation shows."""
