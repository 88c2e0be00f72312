"""The systems that are compared. Each is a room of its own and opens its processes as its documentation has them."""
