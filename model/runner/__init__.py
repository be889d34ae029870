"""Streams of audio in, answer tokens out, one step at a time."""
