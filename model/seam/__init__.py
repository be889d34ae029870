"""What crosses between the engine's policy and the tensors. No torch."""
