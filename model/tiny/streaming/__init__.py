"""A small VibeVoice-ASR-Streaming, as a difference to the tiny checkpoint; ``assemble`` writes it down whole."""
