"""What is said to a device: where tensors lie, copies that nothing waits for, recorded launches."""
