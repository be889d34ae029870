"""The protocols clients speak: HTTP endpoints, errors, authentication, health and metrics."""
