"""What copies on accounts begin with: set by their owners, looked at by the desk."""

from django.contrib import admin

from copytrade.lib.admin import ReadOnlyAdmin
from replication.models import CopyDefaults


@admin.register(CopyDefaults)
class CopyDefaultsAdmin(ReadOnlyAdmin[CopyDefaults]):
    """Defaults of accounts."""

    list_display = ("account", "owner", "limits")
    list_select_related = ("account__user",)
    search_fields = ("account__name", "account__user__username")
    search_help_text = "Account or owner"

    @admin.display(description="Owner", ordering="account__user__username")
    def owner(self, row: CopyDefaults) -> str:
        """Return whose account it is."""
        return row.account.user.get_username()

    @admin.display(description="Limits")
    def limits(self, row: CopyDefaults) -> str:
        """Return the limits that it names."""
        return ", ".join(f"{name} {value}" for name, value in row.said_in_digits.items()) or "-"
