"""What one kind of checkpoint is like: its audio, its prompt, the way it writes answers."""
