"""From audio to embeddings: both tokenizer encoders, with the caches that let a recording come in parts."""
