"""OpenAI's Realtime API in transcription mode: a state machine between client events and live events, without I/O."""
