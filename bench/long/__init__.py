"""What long recordings cost, and how right they are told, by their length."""
