"""Changing copies."""
