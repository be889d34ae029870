"""A server as its clients see it: over HTTP, with errors in words."""
