"""Measured, not asserted: how fast it is."""
