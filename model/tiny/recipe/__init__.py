"""The recipe of the bundled tiny VibeVoice-ASR checkpoint: synthetic voices, recordings, training and evaluation."""
