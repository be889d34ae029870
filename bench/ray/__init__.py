"""Replicas on Ray Serve under load: one killed, both replaced."""
