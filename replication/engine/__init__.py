"""What turns signals into orders: planning, sending, booking."""
