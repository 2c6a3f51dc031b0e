"""Halts: staff add and lift them; nobody edits or deletes one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from copytrade.accounts.models import User
from markets.venues.registry import venues
from orders.admin.figures import chip
from orders.models import HaltMode, HaltScope, TradingHalt
from orders.services.halts import halt_create, halt_lift


class HaltForm(forms.ModelForm[TradingHalt]):
    """What is to be stopped, and why."""

    venue = forms.ChoiceField(required=False, help_text="Of a venue's halt only.")

    class Meta:
        """The fields of the form."""

        model = TradingHalt
        fields = ("scope", "venue", "account", "mode", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(slug, info.name) for slug, info in venues().items()]
        self.fields["venue"].choices = [("", "---------"), *known]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a scope that lacks what it names, or names more."""
        given = super().clean() or {}
        scope = given.get("scope")
        if (scope == HaltScope.VENUE) != bool(given.get("venue")):
            self.add_error("venue", "Choose the venue of a venue's halt, and none for any other.")
        if (scope == HaltScope.ACCOUNT) != bool(given.get("account")):
            self.add_error("account", "Choose the account of an account's halt, and none for any other.")
        return given


@admin.register(TradingHalt)
class TradingHaltAdmin(admin.ModelAdmin[TradingHalt]):
    """Halts."""

    form = HaltForm
    list_display = ("created_at", "scope", "venue", "account", "mode", "reason", "created_by", "holds")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "scope", "mode")
    list_select_related = ("account", "created_by")
    search_fields = ("reason", "venue", "account__name")
    autocomplete_fields = ("account",)
    actions = ("lift",)

    def has_change_permission(self, request: HttpRequest, obj: TradingHalt | None = None) -> bool:
        """No: a halt is lifted, not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TradingHalt | None = None) -> bool:
        """No: what was halted when stays on record."""
        return False

    def has_lift_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may let trading go on."""
        return request.user.has_perm("orders.change_tradinghalt")

    def save_model(self, request: HttpRequest, obj: TradingHalt, form: Any, change: bool) -> None:  # noqa: FBT001
        """Halt through the service, so that it is audited."""
        assert isinstance(request.user, User)
        halt = halt_create(
            scope=HaltScope(obj.scope),
            mode=HaltMode(obj.mode),
            reason=obj.reason,
            venue=obj.venue,
            account=obj.account,
            actor=request.user,
        )
        obj.pk = halt.pk

    @admin.display(description="Holds", ordering="lifted_at")
    def holds(self, halt: TradingHalt) -> SafeString:
        """Return whether it still holds."""
        return chip("lifted", "") if halt.lifted_at else chip("holds", "warn")

    @admin.action(description="Lift", permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[TradingHalt]) -> None:
        """Let trading go on."""
        assert isinstance(request.user, User)
        halts = list(queryset.filter(lifted_at=None).order_by("pk"))
        for halt in halts:
            halt_lift(halt=halt, actor=request.user)
        self.message_user(request, f"{len(halts)} lifted.", messages.SUCCESS)
