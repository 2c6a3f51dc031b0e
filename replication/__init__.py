"""Copies: what leaders do, done for those who copy them."""
