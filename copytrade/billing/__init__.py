"""Plans, and who has which."""
