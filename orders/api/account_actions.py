"""What a user does with an account: asking its venue, pausing, resuming, switching, halting."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.accounts.permissions import IsPerson
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle, WriteThrottle
from orders.api.account_base import ONE, TAGS, AccountsView
from orders.api.answers import ACCOUNT, HALT, AccountAnswer, AccountHaltsAnswer, HaltAnswer, sent, shown
from orders.api.bodies import read_body
from orders.api.reading import AccountHalt, LeverageChange, LiveSwitch
from orders.api.shapes import halt_info
from orders.models import HaltMode
from orders.selectors.accounts import account_market
from orders.selectors.halts import account_halts
from orders.services import accounts, halts, leverage, sync


class SyncView(AccountsView):
    """Asking the venue."""

    throttle_classes = [ApiThrottle, WriteThrottle]

    @extend_schema(
        operation_id="account_sync",
        summary="Sync an account",
        tags=TAGS,
        parameters=ONE,
        request=None,
        responses=AccountAnswer,
        examples=[shown(ACCOUNT)],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Ask the venue for balances and positions now. What went wrong there stands in `sync_error`."""
        sync.account_sync(account=self.account(request, account_id))
        return self.answer(request, account_id)


class PauseView(AccountsView):
    """Pausing."""

    @extend_schema(
        operation_id="account_pause",
        summary="Pause an account",
        tags=TAGS,
        parameters=ONE,
        request=None,
        responses=AccountAnswer,
        examples=[shown({**ACCOUNT, "state": "paused", "state_reason": "Paused by its owner"})],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Send no more orders for the account, exits neither, until it is resumed."""
        accounts.account_pause(account=self.account(request, account_id), actor=self.user(request))
        return self.answer(request, account_id)


class ResumeView(AccountsView):
    """Going on."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="account_resume",
        summary="Resume an account",
        tags=TAGS,
        parameters=ONE,
        request=None,
        responses=AccountAnswer,
        examples=[shown(ACCOUNT)],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Let a paused account trade again, or one whose key the venue had refused. With an API key it is 403."""
        accounts.account_resume(account=self.account(request, account_id), actor=self.user(request))
        return self.answer(request, account_id)


class LiveView(AccountsView):
    """Real money."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="account_live",
        summary="Switch live trading of an account",
        tags=TAGS,
        parameters=ONE,
        request=LiveSwitch,
        responses=AccountAnswer,
        examples=[sent({"enabled": True}), shown({**ACCOUNT, "live_enabled": True, "stopped": None})],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Set the account's own switch. Orders are sent only where the installation's is on too (`LIVE_TRADING`).

        With an API key it is 403.
        """
        account, body = self.account(request, account_id), read_body(request, LiveSwitch)
        accounts.account_enable_live(account=account, enabled=body.enabled, actor=self.user(request))
        return self.answer(request, account_id)


class LeverageView(AccountsView):
    """Leverage."""

    throttle_classes = [ApiThrottle, WriteThrottle]

    @extend_schema(
        operation_id="account_leverage",
        summary="Set the leverage of a contract",
        tags=TAGS,
        parameters=ONE,
        request=LeverageChange,
        responses=AccountAnswer,
        examples=[sent({"symbol": "BTCUSDT", "leverage": 10}), shown(ACCOUNT)],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Set the leverage of one contract at the venue; positions show it after the next sync."""
        account, body = self.account(request, account_id), read_body(request, LeverageChange)
        market = account_market(account, body.symbol.upper(), body.market_type or "")
        leverage.account_set_leverage(account=account, market=market, leverage=body.leverage, actor=self.user(request))
        return self.answer(request, account_id)


class AccountHaltView(AccountsView):
    """An owner's own brake."""

    @extend_schema(
        operation_id="account_halt",
        summary="Halt an account",
        tags=TAGS,
        parameters=ONE,
        request=AccountHalt,
        responses=HaltAnswer,
        examples=[sent({"mode": "reduce_only", "reason": "On holiday"}), shown({**HALT, "scope": "account"})],
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Stop every order of the account, or (`reduce_only`) every one that is no exit, from now on."""
        account, body = self.account(request, account_id), read_body(request, AccountHalt)
        halt = halts.account_halt(
            account=account, mode=HaltMode(body.mode), reason=body.reason, actor=self.user(request)
        )
        return success(halt_info(halt))

    @extend_schema(
        operation_id="account_halt_lift",
        summary="Lift the halt of an account",
        tags=TAGS,
        parameters=ONE,
        responses={200: AccountHaltsAnswer},
        examples=[shown([])],
    )
    def delete(self, request: Request, account_id: int) -> Response:
        """Lift what the owner had stopped. Halts that staff put on the account hold on, and are returned."""
        account = self.account(request, account_id)
        halts.account_halt_lift(account=account, actor=self.user(request))
        return success([halt_info(halt) for halt in account_halts(account)])
