"""Accounts. They are opened and keyed by their owners; the desk looks at them, pauses them and asks their venues."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from copytrade.accounts.models import User
from copytrade.lib.admin import ReadOnlyAdmin
from copytrade.lib.errors import ApplicationError
from orders.admin.figures import ReadOnlyInline, chip, digits
from orders.models import AccountState, Balance, Credential, Reconciliation, TradingAccount
from orders.selectors.accounts import accounts_described
from orders.services.accounts import account_enable_live, account_pause, account_resume
from orders.services.sync import accounts_sync
from traders.templatetags.figures import when

TONES = {AccountState.ACTIVE: "pos", AccountState.PAUSED: "warn", AccountState.AUTH_FAILED: "neg"}


class BalanceInline(ReadOnlyInline[Balance, TradingAccount]):
    """What an account has."""

    model = Balance
    fields = ("asset", "shown_total", "shown_free", "updated_at")
    readonly_fields = fields

    @admin.display(description="Total")
    def shown_total(self, balance: Balance) -> str:
        """Return the total."""
        return digits(balance.total)

    @admin.display(description="Free")
    def shown_free(self, balance: Balance) -> str:
        """Return what is free."""
        return digits(balance.free)


@admin.register(TradingAccount)
class TradingAccountAdmin(ReadOnlyAdmin[TradingAccount]):
    """Accounts. Of a venue key only its end is shown, and whether it may trade."""

    list_display = (
        "name",
        "user",
        "venue",
        "mode",
        "state_chip",
        "live_enabled",
        "venue_key",
        "shown_equity",
        "synced",
        "sync_error",
    )
    list_filter = ("state", "mode", "live_enabled", "venue", ("sync_error", admin.EmptyFieldListFilter))
    search_fields = ("name", "user__username", "user__email", "key")
    search_help_text = "Name, owner, or the uuid of the account"
    actions = ("sync", "pause", "resume", "enable_live", "disable_live")
    inlines = (BalanceInline,)
    fieldsets = (
        (None, {"fields": ("name", "user", "venue", "mode", "state_chip", "state_reason", "live_enabled")}),
        ("Venue key", {"fields": ("venue_key", "key_checked")}),
        ("At the venue", {"fields": ("shown_equity", "hedge_mode", "synced", "sync_error", "fills_read_until")}),
        ("Limits of its owner", {"fields": ("max_worth",)}),
        ("More", {"fields": ("key", "created_at")}),
    )
    readonly_fields = ("state_chip", "venue_key", "key_checked", "shown_equity", "max_worth", "synced")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TradingAccount]:
        """Read what may be shown of the key along, and never its ciphertext."""
        return accounts_described().order_by("-created_at")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may pause, resume and switch accounts."""
        return request.user.has_perm("orders.change_tradingaccount")

    @admin.display(description="State", ordering="state")
    def state_chip(self, account: TradingAccount) -> SafeString:
        """Return the state as a chip."""
        return chip(account.get_state_display(), TONES.get(AccountState(account.state), ""))

    @admin.display(description="Key")
    def venue_key(self, account: TradingAccount) -> str:
        """Return the end of the key, and whether it may trade."""
        credential = _credential(account)
        if credential is None:
            return "none"
        return f"{credential} {'may trade' if credential.can_trade else 'may not trade'}"

    @admin.display(description="Key checked")
    def key_checked(self, account: TradingAccount) -> SafeString:
        """Return when the venue was last asked what the key may do."""
        credential = _credential(account)
        return when(credential.checked_at if credential else None)

    @admin.display(description="Equity", ordering="equity")
    def shown_equity(self, account: TradingAccount) -> str:
        """Return what the account is worth, and in which asset."""
        return f"{digits(account.equity)} {account.equity_asset}"

    @admin.display(description="Synced", ordering="synced_at")
    def synced(self, account: TradingAccount) -> SafeString:
        """Return how old the figures are."""
        return when(account.synced_at)

    @admin.action(description="Ask the venue now", permissions=["operate"])
    def sync(self, request: HttpRequest, queryset: QuerySet[TradingAccount]) -> None:
        """Sync the selected accounts."""
        accounts = list(queryset.exclude(state=AccountState.CLOSED))
        answered = accounts_sync(accounts=accounts)
        level = messages.SUCCESS if answered == len(accounts) else messages.WARNING
        self.message_user(request, f"{answered} of {len(accounts)} venues answered.", level)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[TradingAccount]) -> None:
        """Stop the selected accounts from trading."""
        self._each(request, queryset, "paused", lambda **given: account_pause(**given, reason="Paused by the desk"))

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[TradingAccount]) -> None:
        """Let the selected accounts trade again."""
        self._each(request, queryset, "resumed", account_resume)

    @admin.action(description="Enable live trading", permissions=["operate"])
    def enable_live(self, request: HttpRequest, queryset: QuerySet[TradingAccount]) -> None:
        """Set the switch of the selected accounts."""
        self._each(request, queryset, "live", lambda **given: account_enable_live(**given, enabled=True))

    @admin.action(description="Disable live trading", permissions=["operate"])
    def disable_live(self, request: HttpRequest, queryset: QuerySet[TradingAccount]) -> None:
        """Clear the switch of the selected accounts."""
        self._each(request, queryset, "no longer live", lambda **given: account_enable_live(**given, enabled=False))

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[TradingAccount],
        done: str,
        service: Callable[..., TradingAccount],
    ) -> None:
        """Run a service on each account; one that refuses does not hold up the others."""
        assert isinstance(request.user, User)
        count = 0
        for account in queryset.order_by("pk"):
            try:
                service(account=account, actor=request.user)
                count += 1
            except ApplicationError as error:
                self.message_user(request, f"{account}: {error.message}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} account{'' if count == 1 else 's'} {done}.", messages.SUCCESS)


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin[Reconciliation]):
    """Comparisons with the venues."""

    list_display = (
        "started_at",
        "account",
        "trigger",
        "orders_repaired",
        "fills_found",
        "holdings_adjusted",
        "error",
    )
    list_filter = ("trigger", ("error", admin.EmptyFieldListFilter), "account__venue", "started_at")
    list_select_related = ("account",)
    search_fields = ("account__name", "account__user__username")
    show_full_result_count = False


def _credential(account: TradingAccount) -> Credential | None:
    return getattr(account, "credential", None)
