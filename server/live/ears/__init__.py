"""What is heard: voice activity, turns, and the audio that the model gets."""
