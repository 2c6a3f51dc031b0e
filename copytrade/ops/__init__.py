"""Health, commands, the admin site and what runs the installation."""
