"""Guesses at the next answer tokens, for the next forward to verify beside the token it computes anyway.

A verified guess saves a whole forward and a wrong one costs next to nothing. In float32, and in any dtype with one
order of summation (``model.deterministic``), the answer is the same without. What can be foreseen: how the family's
grammar goes on (``answer_draft``, with a ``model.family.Outline``), what was said before or stands in the prompt
(``phrases``), and the answer to less of the same audio (``hypothesis``).
"""
