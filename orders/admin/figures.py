"""What the pages of orders share."""

from decimal import Decimal
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from copytrade.lib.wire import plain_digits
from traders.templatetags.figures import MISSING

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)


class ReadOnlyInline(admin.TabularInline[Row, Parent]):
    """Rows that belong to another one, to be looked at."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


def digits(value: Decimal | None) -> str:
    """Return all digits of an amount, a dash for none."""
    return MISSING if value is None else plain_digits(value)


def chip(text: str, tone: str) -> SafeString:
    """Return a word as a chip; the tone is `pos`, `neg`, `warn` or empty."""
    return format_html('<span class="chip {}">{}</span>', tone, text)
