"""The full-size model with random weights on a GPU. It needs PyTorch and Transformers alone."""
