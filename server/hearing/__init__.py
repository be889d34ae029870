"""One question put to one stream, until it is answered soundly: an answer that runs in circles is asked for again."""
