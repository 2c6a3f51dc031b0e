"""The n8n workflow that places an order."""
