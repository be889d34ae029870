"""What the server does beside the model."""
