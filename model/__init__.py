"""Everything with tensors: the VibeVoice-ASR checkpoint and the loop that runs it. ``docs/model.md`` explains it.

Nothing in here knows of HTTP, requests or queues, and nothing is imported from ``server``. The package needs torch,
transformers and numpy alone, so that it also runs on a GPU machine that has nothing else. Importing ``model`` imports
no torch, and neither do ``model.seam``, ``model.family`` and ``model.errors``, which are shared with processes that
never touch a tensor.
"""
