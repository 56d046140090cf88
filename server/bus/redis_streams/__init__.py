"""The bus on Redis Streams: ``RedisBus`` is what the rest of the gateway sees of it."""
