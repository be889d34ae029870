"""Webhooks: who may be told of a job's end, and telling them until they have heard it."""
