"""Accounts, positions and halts over HTTP."""
