"""Conversations about a recording: what is asked in the caller's own words, and answers as the model writes them."""
