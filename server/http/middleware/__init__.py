"""Pure ASGI middleware for HTTP and WebSocket, outermost first: request line, request id, headers for browsers, trace,
access log, (CORS), body, limits, faults, pages of other sites, auth.

None of it reads a body before the request may be served. Starlette's ``BaseHTTPMiddleware`` is not used: it hides
disconnects from the routes behind it.
"""
