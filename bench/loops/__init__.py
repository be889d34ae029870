"""Whether the repetition guard calls loops, soon and only them."""
