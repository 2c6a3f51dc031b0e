"""How amounts are stored."""

from typing import Any

from django.db import models

DIGITS = 38
DECIMAL_PLACES = 18


def amount_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a column for a price, a quantity or money: 20 digits before the point and 18 behind it."""
    return models.DecimalField(max_digits=DIGITS, decimal_places=DECIMAL_PLACES, **options)
