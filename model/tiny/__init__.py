"""The bundled checkpoints, what they understand (``samples``), and how they are made."""
