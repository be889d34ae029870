"""From uploaded bytes in any container to mono 24 kHz float32 samples, within limits."""
