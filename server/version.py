"""Which version of this software runs: here and nowhere else.

``pyproject.toml`` reads it for the distribution, the Makefile for the images; the server tells it in ``/health``,
``/metrics``, its description, traces and ``--version``.
"""

VERSION = "0.1.0"
