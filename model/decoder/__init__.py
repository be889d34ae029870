"""From inputs to tokens: the language model over pages of KV cache."""
