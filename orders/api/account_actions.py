"""What a user does with an account: asking its venue, pausing, resuming, switching, halting."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.accounts.permissions import IsPerson
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle
from orders.api.account_base import ONE, TAGS, AccountsView
from orders.api.answers import ACCOUNT, HALT, AccountAnswer, AccountHaltsAnswer, HaltAnswer, sent, shown
from orders.api.bodies import read_body
from orders.api.reading import AccountHalt, LeverageChange, LiveSwitch
from orders.api.shapes import halt_info
from orders.models import HaltMode, TradingAccount
from orders.selectors.accounts import account_market
from orders.selectors.halts import account_halts
from orders.services import accounts, halts, leverage, sync

View = TypeVar("View", bound="type[ActionView]")


class ActionView(AccountsView, ABC):
    """One thing that is done with an account; the answer is the account as it is then."""

    def post(self, request: Request, account_id: int) -> Response:
        """Do it."""
        self.act(request, self.account(request, account_id))
        return self.answer(request, account_id)

    @abstractmethod
    def act(self, request: Request, account: TradingAccount) -> None:
        """Do it with the caller's account."""


def describes(
    operation_id: str,
    summary: str,
    *,
    body: type[msgspec.Struct] | None = None,
    example: Mapping[str, Any] | None = None,
    then: Mapping[str, Any] | None = None,
) -> Callable[[View], View]:
    """Describe an action for the schema, in the words of its view; `then` is what an account has after it."""
    examples = [*([sent(example)] if example else []), shown({**ACCOUNT, **(then or {})})]

    def describe(view: View) -> View:
        operation = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=inspect.getdoc(view),
            tags=TAGS,
            parameters=ONE,
            request=body,
            responses=AccountAnswer,
            examples=examples,
        )
        return extend_schema_view(post=operation)(view)

    return describe


@describes("account_sync", "Sync an account")
class SyncView(ActionView):
    """Ask the venue for balances and positions now. What went wrong there stands in `sync_error`."""

    throttle_classes = [ApiThrottle, WriteThrottle]

    def act(self, request: Request, account: TradingAccount) -> None:
        """Ask the venue."""
        sync.account_sync(account=account)


@describes("account_pause", "Pause an account", then={"state": "paused", "state_reason": "Paused by its owner"})
class PauseView(ActionView):
    """Send no more orders for the account, exits neither, until it is resumed."""

    def act(self, request: Request, account: TradingAccount) -> None:
        """Pause."""
        accounts.account_pause(account=account, actor=self.user(request))


@describes("account_resume", "Resume an account")
class ResumeView(ActionView):
    """Let a paused account trade again, or one whose key the venue had refused. With an API key it is 403."""

    permission_classes = [IsPerson]

    def act(self, request: Request, account: TradingAccount) -> None:
        """Go on."""
        accounts.account_resume(account=account, actor=self.user(request))


@describes(
    "account_live",
    "Switch live trading of an account",
    body=LiveSwitch,
    example={"enabled": True},
    then={"live_enabled": True, "stopped": None},
)
class LiveView(ActionView):
    """Set the account's own switch. Orders are sent only where the installation's is on too (`LIVE_TRADING`).

    With an API key it is 403.
    """

    permission_classes = [IsPerson]

    def act(self, request: Request, account: TradingAccount) -> None:
        """Set the switch."""
        body = read_body(request, LiveSwitch)
        accounts.account_enable_live(account=account, enabled=body.enabled, actor=self.user(request))


@describes(
    "account_leverage",
    "Set the leverage of a contract",
    body=LeverageChange,
    example={"symbol": "BTCUSDT", "leverage": 10},
)
class LeverageView(ActionView):
    """Set the leverage of one contract at the venue; what is opened from now on has it."""

    throttle_classes = [ApiThrottle, WriteThrottle]

    def act(self, request: Request, account: TradingAccount) -> None:
        """Set the leverage."""
        body = read_body(request, LeverageChange)
        market = account_market(account, body.symbol.upper(), body.market_type or "")
        leverage.account_set_leverage(account=account, market=market, leverage=body.leverage, actor=self.user(request))


class AccountHaltView(AccountsView):
    """An owner's own brake. It answers halts, not the account."""

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
