"""What the admin pages of several apps share."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import DecimalField, Model
from django.http import HttpRequest

from copytrade.lib.wire import plain_digits

Row = TypeVar("Row", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[Row]):
    """Facts are looked at, not edited; amounts are shown in their own digits, without the zeros of the column."""

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> Any:
        """Return the fields, amounts as what shows them."""
        amounts = {field.name: field for field in self.opts.get_fields() if isinstance(field, DecimalField)}
        names = super().get_fields(request, obj)
        return [_shown(amounts[name]) if isinstance(name, str) and name in amounts else name for name in names]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """No."""
        return False


def _shown(field: "DecimalField[Any, Any]") -> Callable[[Model], str | None]:
    @admin.display(description=field.verbose_name, empty_value="-")
    def digits(row: Model) -> str | None:
        value = getattr(row, field.name)
        return None if value is None else plain_digits(value)

    return digits
