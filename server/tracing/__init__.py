"""OpenTelemetry traces: of requests and sessions, down to the worker's steps.

Off unless ``OTEL_*`` variables say where traces go.

Spans name routes, lengths, counts and times, and never paths, queries, keys, file names or anything that was said.
"""
