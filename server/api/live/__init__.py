"""Live sessions over a WebSocket, whatever protocol they speak."""
