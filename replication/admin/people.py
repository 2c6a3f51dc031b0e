"""People with their accounts; staff make them masters and followers."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from copytrade.accounts.admin import UserAdmin, people_within_rights
from copytrade.accounts.models import Role, User
from orders.admin.figures import ReadOnlyInline, digits
from orders.models import TradingAccount
from replication.services.people import person_account_open, person_set_role


class AccountInline(ReadOnlyInline[TradingAccount, User]):
    """What somebody trades with."""

    model = TradingAccount
    fields = ("name", "venue", "mode", "state", "shown_equity", "synced_at")
    readonly_fields = fields
    ordering = ("pk",)
    show_change_link = True

    @admin.display(description="Equity")
    def shown_equity(self, account: TradingAccount) -> str:
        """Return what the account is worth, and in which asset."""
        return f"{digits(account.equity)} {account.equity_asset}"


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People. The role changes by the actions, since a master has a leader's profile."""

    actions = ("make_masters", "make_followers")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Show accounts of a user who exists."""
        return [] if obj is None else [AccountInline]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Save; a new user gets a paper account along, as somebody who registers does."""
        super().save_model(request, obj, form, change)
        assert isinstance(request.user, User)
        if not change:
            person_account_open(user=obj, actor=request.user)

    @admin.action(description="Make masters, whom others may copy", permissions=["change"])
    def make_masters(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Make the selected people masters."""
        self._set_role(request, queryset, Role.MASTER)

    @admin.action(description="Make followers; what copies them hold may still exit", permissions=["change"])
    def make_followers(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Make the selected people followers."""
        self._set_role(request, queryset, Role.FOLLOWER)

    def _set_role(self, request: HttpRequest, queryset: QuerySet[User], role: Role) -> None:
        assert isinstance(request.user, User)
        changed = list(queryset.exclude(role=role).filter(pk__in=people_within_rights(request)))
        for user in changed:
            person_set_role(user=user, role=role, actor=request.user)
        if others := queryset.exclude(pk__in=people_within_rights(request)).count():
            words = "1 of them is staff, whose role" if others == 1 else f"{others} of them are staff, whose role"
            self.message_user(request, f"{words} only those change who have all rights.", messages.ERROR)
        people = "1 person is" if len(changed) == 1 else f"{len(changed)} people are"
        self.message_user(
            request, f"{people} now {role.label.lower()}{'' if len(changed) == 1 else 's'}.", messages.SUCCESS
        )
