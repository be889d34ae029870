"""Everything without tensors: the HTTP and WebSocket API, the engine's policy, transcripts, settings."""
