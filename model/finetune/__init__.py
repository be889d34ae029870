"""Teaching a checkpoint: recordings with what is said in them in, an adapter or a whole checkpoint out.

``python -m model.finetune --help``. Runs by itself, without the server. What is trained is what is served: the prompt's
tokens come from ``model.family``, audio goes through the streaming encoder, without noise in the latents.
"""
