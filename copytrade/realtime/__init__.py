"""Live streams over one WebSocket."""
