"""Copies, masters and their orders over HTTP."""
