"""Pure ASGI middleware for HTTP and WebSocket, outermost first: request line, request id, access log, (CORS), body,
limits, faults, auth.

None of it reads a body before the request may be served. Starlette's ``BaseHTTPMiddleware`` is not used: it hides
disconnects from the routes behind it.
"""
