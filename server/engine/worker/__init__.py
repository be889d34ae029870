"""The process that owns the device: its loop, its schedule, its signs of life."""
