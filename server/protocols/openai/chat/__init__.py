"""Chat completions as OpenAI has them, and as users of vLLM's server send them for this model. Pure."""
