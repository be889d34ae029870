"""Live captions: audio that is still being spoken in, text that no longer changes and text that may, out."""
