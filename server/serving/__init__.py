"""The application under uvicorn, from the start to the drained end."""
