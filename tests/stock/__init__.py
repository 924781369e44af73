"""The chat on stock parts: Daphne, Uvicorn, channels_redis, with ours or without."""
