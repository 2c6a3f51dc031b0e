"""The n8n workflow that scrapes leads and pushes them here, and what keeps it pointed at this backend."""
