"""Which accounts lead for whom. Staff add and remove them: any account at a broker may lead for a leader."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from copytrade.accounts.models import User
from orders.admin.figures import chip
from replication.models import LeaderAccount
from replication.services.leading import leader_account_add, leader_account_remove, leading_refusal
from traders.templatetags.figures import when


class LeadingForm(forms.ModelForm[LeaderAccount]):
    """Which account leads for whom."""

    class Meta:
        """The fields of the form."""

        model = LeaderAccount
        fields = ("account", "trader")

    def clean(self) -> dict[str, Any]:
        """Refuse an account that may not lead for this leader."""
        given = super().clean() or {}
        account, trader = given.get("account"), given.get("trader")
        if account and trader and (refusal := leading_refusal(account=account, trader=trader)):
            self.add_error("account", refusal)
        return given


@admin.register(LeaderAccount)
class LeaderAccountAdmin(admin.ModelAdmin[LeaderAccount]):
    """Accounts that lead."""

    form = LeadingForm
    list_display = ("account", "owner", "venue", "trader", "copied", "since")
    list_filter = ("account__venue", "account__mode")
    list_select_related = ("account__user", "trader")
    search_fields = ("account__name", "account__user__username", "trader__nickname", "=trader__external_id")
    search_help_text = "Account, owner or leader"
    autocomplete_fields = ("account", "trader")
    actions = ("remove",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LeaderAccount]:
        """Leave the leader's last report aside."""
        return super().get_queryset(request).defer("trader__raw")

    def has_change_permission(self, request: HttpRequest, obj: LeaderAccount | None = None) -> bool:
        """No: it leads, or it does not."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LeaderAccount | None = None) -> bool:
        """No: the action does that, and is audited."""
        return False

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may end that an account leads."""
        return request.user.has_perm("replication.delete_leaderaccount")

    def save_model(self, request: HttpRequest, obj: LeaderAccount, form: Any, change: bool) -> None:  # noqa: FBT001
        """Add it through the service, so that its marks are set and it is audited."""
        assert isinstance(request.user, User)
        obj.pk = leader_account_add(account=obj.account, trader=obj.trader, actor=request.user).pk

    @admin.display(description="Owner", ordering="account__user__username")
    def owner(self, led: LeaderAccount) -> str:
        """Return whose account it is."""
        return led.account.user.get_username()

    @admin.display(description="Venue", ordering="account__venue")
    def venue(self, led: LeaderAccount) -> str:
        """Return where it trades."""
        return f"{led.account.venue} ({led.account.mode})"

    @admin.display(description="Copied now", ordering="account__is_led")
    def copied(self, led: LeaderAccount) -> SafeString:
        """Return whether somebody copies it."""
        return chip("copied", "pos") if led.account.is_led else chip("nobody", "")

    @admin.display(description="Since", ordering="created_at")
    def since(self, led: LeaderAccount) -> SafeString:
        """Return since when it leads."""
        return when(led.created_at)

    @admin.action(description="Let them lead no more", permissions=["remove"])
    def remove(self, request: HttpRequest, queryset: QuerySet[LeaderAccount]) -> None:
        """End that the selected accounts lead."""
        assert isinstance(request.user, User)
        leading = list(queryset.order_by("pk"))
        for led in leading:
            leader_account_remove(led=led, actor=request.user)
        accounts = "1 account leads" if len(leading) == 1 else f"{len(leading)} accounts lead"
        self.message_user(request, f"{accounts} no more.", messages.SUCCESS)
