"""Everything with tensors: the VibeVoice-ASR checkpoint and the loop that runs it.

Nothing in here knows of HTTP, requests or queues, and nothing is imported from ``server``. The package needs torch,
transformers and numpy alone, so that it also runs on a GPU machine that has nothing else. Importing ``model`` itself
imports no torch: ``model.seam.steps`` and ``model.seam.audio`` are shared with processes that never touch a tensor.
"""
