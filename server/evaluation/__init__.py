"""How right a transcript is, in the field's figures: what was said and what was told in, counts out; pure."""
