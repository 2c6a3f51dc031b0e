"""Carries orders to venues: claim a written row, send it outside any transaction, record what came of it.

The row is the queue. Whatever dies in between, the row tells how far it got, and only the venue's own answer moves an
order on whose outcome is in doubt.
"""
