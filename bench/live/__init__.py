"""Live sessions: how late words come, what updates cost, how good captions are."""
