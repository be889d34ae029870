"""``vibevoice-asr doctor``: what is wrong with a set-up, and what helps."""
