"""One part of the model each: encoder, decode step, drafts, weights, memory."""
