"""Whole files: engine and server against Transformers' ``generate``."""
