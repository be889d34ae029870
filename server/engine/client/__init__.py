"""The engine as everybody else uses it: streams over a worker process that may die and comes back."""
