"""Admin of people, keys and the audit trail."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm, UserCreationForm
from django.db.models import ForeignKey, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from copytrade.accounts.models import ApiKey, AuditEvent, Scope, User
from copytrade.accounts.services import (
    api_key_create,
    api_key_problems,
    api_key_revoke,
    audit_record,
    user_password_note,
    user_target,
)
from copytrade.lib.admin import ReadOnlyAdmin

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")
PASSWORD_CHANGED = [{"changed": {"fields": ["password"]}}]  # as the admin words it


class OwnName(forms.ModelForm[User]):
    """A name with an @ has to be the user's own address: it would come before somebody else's at the login."""

    def clean(self) -> dict[str, Any]:
        """Refuse a name that reads like another address."""
        cleaned = super().clean() or self.cleaned_data
        name, address = cleaned.get("username") or "", cleaned.get("email") or ""
        if "@" in name and name.lower() != address.lower():
            self.add_error("username", "With an @ it has to be the user's own address.")
        return cleaned


class UserForm(OwnName, UserChangeForm[User]):
    """A user as staff change one."""


class NewUserForm(OwnName, UserCreationForm[User]):
    """A new user needs an address as well."""

    class Meta:
        """The fields of the form."""

        model = User
        fields = ("username", "email", "full_name")


class UserAdmin(DjangoUserAdmin[User]):
    """People. Registered where their accounts are known: `replication.admin.people`.

    Rights are given, and staff looked after, by those who have all rights: else whoever may change people had them too.
    """

    list_display = ("username", "email", "full_name", "role", "is_staff", "is_active", "date_joined")
    list_filter = ("role", "is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username", "full_name", "email", "iifl_account_id")
    search_help_text = "Name, address, or the client id at IIFL"
    ordering = ("-date_joined",)
    readonly_fields = ("role", "last_login", "date_joined")
    form = UserForm
    add_form = NewUserForm
    add_fieldsets = ((None, {"fields": ("username", "email", "full_name", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("full_name", "email", "role", "iifl_account_id")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Let rights be seen by all who see people."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _has_all_rights(request) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whether somebody, and with it their password, may be changed."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whether somebody may be deleted."""
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Save, and tell the audit trail of a new user, or from what to what one was changed."""
        super().save_model(request, obj, form, change)
        assert isinstance(request.user, User)
        if not change:
            audit_record(actor=request.user, action="user.create", target=user_target(obj))
        elif form.changed_data:
            changes = {
                name: [_plain(form.initial.get(name)), _plain(form.cleaned_data[name])] for name in form.changed_data
            }
            audit_record(actor=request.user, action="user.change", target=user_target(obj), changes=changes)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        """Tell the audit trail of a password that staff changed: its page saves it by itself."""
        assert isinstance(request.user, User)
        if message == PASSWORD_CHANGED:
            user_password_note(user=obj, actor=request.user)
        return super().log_change(request, obj, message)


def _has_all_rights(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_touch(request: HttpRequest, obj: User | None) -> bool:
    return obj is None or _has_all_rights(request) or obj == request.user or not (obj.is_staff or obj.is_superuser)


def people_within_rights(request: HttpRequest) -> QuerySet[User]:
    """Return those for whom a member of staff may act: themselves and people who are no staff; with all rights all."""
    people = User.objects.all()
    if _has_all_rights(request):
        return people
    return people.filter(Q(is_staff=False, is_superuser=False) | Q(pk=request.user.pk))


def _plain(value: Any) -> Any:
    """Return what a form has of a field as JSON takes it; groups and permissions by their names."""
    if value is None or isinstance(value, bool | str):
        return value
    return sorted(str(one) for one in value)


def scope_text(scope: Scope) -> str:
    """Return a scope with what it allows."""
    return f"{scope.value}: {scope.label}"


class NewKeyForm(forms.ModelForm[ApiKey]):
    """What staff decide about a new key; the key itself is made by the service."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope_text(scope)) for scope in Scope],
        initial=[Scope.INGEST],
        widget=forms.CheckboxSelectMultiple,
        help_text="Give a program no more than it needs. Nothing here lets it withdraw or see an exchange's keys.",
    )

    class Meta:
        """The fields of the form."""

        model = ApiKey
        fields = ("name", "scopes", "user")

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, beside the field it is about."""
        cleaned = super().clean() or self.cleaned_data
        if "scopes" in cleaned and "user" in cleaned:
            for problem in api_key_problems(scopes=cleaned["scopes"], user=cleaned["user"]):
                self.add_error(problem["path"], problem["message"].capitalize() + ".")
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """Keys: a new one is shown once, an old one can only be revoked."""

    form = NewKeyForm
    list_display = ("name", "shown_prefix", "scopes", "user", "created_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "is_demo")
    list_select_related = ("user",)
    search_fields = ("name", "prefix")
    autocomplete_fields = ("user",)
    readonly_fields = ("shown_prefix", "allowed", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Bind keys to those for whom this member of staff may act: with a key one trades for its user."""
        if db_field.name == "user":
            kwargs["queryset"] = people_within_rights(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="May")
    def allowed(self, key: ApiKey) -> str:
        """Return what the key may do."""
        return "; ".join(scope_text(Scope(scope)) for scope in key.scopes)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Ask for what a new key needs; of one that exists show all but the secret."""
        if obj is None:
            return ("name", "scopes", "user")
        return ("name", "shown_prefix", "allowed", "user", "created_at", "last_used_at", "revoked_at")

    @admin.display(description="Key")
    def shown_prefix(self, key: ApiKey) -> str:
        """Return the part of the key that is no secret."""
        return f"ct_{key.prefix}_…"

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key that exists is not edited."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Revoked keys stay, so that the audit trail can name them."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Make the key through the service; the answer shows it."""
        assert isinstance(request.user, User)
        row, obj.shown_once = api_key_create(name=obj.name, scopes=obj.scopes, user=obj.user)  # type: ignore[attr-defined]
        obj.pk, obj.prefix = row.pk, row.prefix
        changes = {"scopes": row.scopes, "user": obj.user.username if obj.user else None}
        audit_record(actor=request.user, action="api_key.create", target=str(row), changes=changes)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key, once, on a page of its own."""
        context = {
            **self.admin_site.each_context(request),
            "title": "New API key",
            "opts": self.opts,
            "key": obj.shown_once,  # type: ignore[attr-defined]
            "name": obj.name,
            "allowed": [scope_text(Scope(scope)) for scope in obj.scopes],
            "holder": obj.user,
        }
        response = TemplateResponse(request, "accounts/api_key_created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke the selected keys", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End the selected keys."""
        assert isinstance(request.user, User)
        for key in queryset.filter(revoked_at=None):
            api_key_revoke(key=key, actor=request.user)
            messages.success(request, f"{key} is revoked.")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    """Who did what."""

    list_display = ("created_at", "actor_name", "action", "target", "reason")
    list_filter = ("action",)
    search_fields = ("actor_name", "target", "reason")
    date_hierarchy = "created_at"
