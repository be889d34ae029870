"""What a stream of VibeVoice-ASR-Streaming is made of, beside audio and text. No torch.

The prompt, the markers and the limit are those of Microsoft's `streaming_generate`, as ports that were held against it
token for token have them. Sizes of windows are not here: each checkpoint brings its own.
"""

from __future__ import annotations

PROMPT = (
    "You are a helpful assistant that transcribes audio input into text output. Please transcribe the following audios "
    "streamingly with these keys: speaker, content{extra}\n"
)
"""In front of the first window, without a chat template."""
EXTRA = " and extra info: {context}"
"""Where a caller's context stands in it."""

SPEECH_START, SPEECH_END = "<|object_ref_start|>", "<|object_ref_end|>"
"""Tokens around the frames of a window."""
TURN_END = "<|text_chunk_end|>"
"""Token behind the text of a window. Qwen2.5's tokenizer has none of this name: it was added as the next one."""
END = "<|endoftext|>"
"""Ends the text of a window too, and no more than that."""
MARKERS = 2
"""Positions that a window takes beside its frames."""

SPEAKER = " \n Speaker {number}:"
"""In front of what somebody says. Who spoke last in one window speaks on in the next."""

LONGEST_TURN = 256
"""Tokens of text that a window may have."""
