"""The application over HTTP: routes, uploads, sockets, middleware."""
