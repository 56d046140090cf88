"""The HTTP and WebSocket routes: each turns bytes from outside into one call inside, and the answer into bytes."""
