"""OpenAI's API: transcriptions and the Realtime protocol."""
