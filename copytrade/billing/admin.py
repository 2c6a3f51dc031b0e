"""Plans, and who has which: staff make, change and give them, through the services, so that each step is audited."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from copytrade.accounts.models import User
from copytrade.billing.limits import LIMITS
from copytrade.billing.models import Membership, Plan
from copytrade.billing.services import PlanInUse, membership_set, plan_delete, plan_save


class PlanForm(forms.ModelForm[Plan]):
    """All of a plan; amounts are shown in their own digits, without the zeros of the column."""

    class Meta:
        """The fields of the form."""

        model = Plan
        fields = (
            *("name", "slug", "description", "position", "is_default", "most_copies", "writes_per_minute", "currency"),
            *LIMITS,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(self.instance.said_in_digits)


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    """Plans."""

    form = PlanForm
    list_display = ("name", "slug", "position", "is_default", "most_copies", "writes_per_minute", "limits", "people")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "position", "is_default")}),
        ("What holds", {"fields": ("most_copies", "writes_per_minute")}),
        (
            "What a copy begins with",
            {
                "fields": ("currency", *LIMITS),
                "description": "Empty says nothing. People may set something else for an account or a copy of theirs.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        """Count who has it along."""
        return super().get_queryset(request).annotate(members=Count("memberships"))

    def get_actions(self, request: HttpRequest) -> Any:
        """Delete one at a time: the page of a plan says whether somebody has it."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description="Copies begin with")
    def limits(self, plan: Plan) -> str:
        """Return the limits that it names."""
        return ", ".join(f"{name} {value}" for name, value in plan.said_in_digits.items()) or "-"

    @admin.display(description="People", ordering="members")
    def people(self, plan: Any) -> int:
        """Return how many have it by name."""
        return int(plan.members)

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Save it through the service."""
        assert isinstance(request.user, User)
        plan_save(plan=obj, actor=request.user)

    def delete_model(self, request: HttpRequest, obj: Plan) -> None:
        """Delete it through the service."""
        assert isinstance(request.user, User)
        try:
            plan_delete(plan=obj, actor=request.user)
        except PlanInUse as error:
            self.message_user(request, error.message, messages.ERROR)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    """Who has which plan. Who has none here has the default one."""

    list_display = ("user", "plan", "since")
    list_filter = ("plan",)
    list_select_related = ("user", "plan")
    search_fields = ("user__username", "user__email", "user__full_name")
    search_help_text = "Name or address"
    autocomplete_fields = ("user", "plan")
    readonly_fields = ("since",)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Keep whose it is."""
        return ("since",) if obj is None else ("user", "since")

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Give the plan through the service."""
        assert isinstance(request.user, User)
        given = membership_set(user=obj.user, plan=obj.plan, actor=request.user)
        assert given is not None
        obj.pk = given.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Take the plan through the service."""
        assert isinstance(request.user, User)
        membership_set(user=obj.user, plan=None, actor=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Take the plans through the service."""
        for membership in queryset.select_related("user"):
            self.delete_model(request, membership)
