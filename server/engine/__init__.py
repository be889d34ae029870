"""From requests to steps: admission, scheduling, the worker process and the asyncio client in front of it."""
