"""A user's accounts: opened, changed, keyed, closed. Another user's account is 404."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from copytrade.accounts.permissions import IsPerson
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER, read_page
from copytrade.lib.api.responses import success
from orders.api.account_base import ONE, TAGS, AccountsView
from orders.api.answers import (
    ACCOUNT,
    BALANCE,
    PAGE,
    AccountAnswer,
    AccountsAnswer,
    BalancesAnswer,
    CredentialsAnswer,
    sent,
    shown,
)
from orders.api.bodies import read_body
from orders.api.reading import AccountChange, NewAccount, NewCredentials, account_changes, paper_balance
from orders.api.shapes import account_info, balance_info, credential_of, key_info
from orders.models import Mode
from orders.selectors.accounts import accounts_list, balances_list
from orders.services import accounts, credentials, sync
from traders.api.serializers import PageMeta


class AccountListView(AccountsView):
    """All accounts."""

    @extend_schema(
        operation_id="accounts_list",
        summary="My accounts",
        tags=TAGS,
        parameters=[LIMIT_PARAMETER, OFFSET_PARAMETER],
        responses=AccountsAnswer,
        examples=[shown([ACCOUNT], meta=PAGE)],
    )
    def get(self, request: Request) -> Response:
        """Return the caller's accounts, the closed ones too, newest first."""
        page = read_page(request.query_params)
        views, total = accounts_list(self.user(request), page=page)
        return success([account_info(view) for view in views], meta=PageMeta(total, page.limit, page.offset))

    @extend_schema(
        operation_id="account_create",
        summary="Open an account",
        tags=TAGS,
        request=NewAccount,
        responses=AccountAnswer,
        examples=[
            sent({"name": "Practice", "venue": "binanceusdm", "paper_balance": "5000"}, "Paper"),
            sent({"name": "Main account", "venue": "binanceusdm", "mode": "live"}, "Live"),
            shown(ACCOUNT),
        ],
    )
    def post(self, request: Request) -> Response:
        """Open an account: a paper one in our own books, unless `mode` says live. A live one then needs a key.

        A live one is opened by a person: with an API key it is 403.
        """
        body, user = read_body(request, NewAccount), self.user(request)
        if Mode(body.mode) == Mode.LIVE:
            self.need_person(request)
        account = accounts.account_create(
            user=user,
            name=body.name,
            venue=body.venue,
            mode=Mode(body.mode),
            actor=user,
            paper_balance=paper_balance(body),
        )
        return self.answer(request, account.pk)


class AccountView(AccountsView):
    """One account, which people close: with an API key that is 403."""

    of_people = ("DELETE",)

    @extend_schema(
        operation_id="account_get",
        summary="An account",
        tags=TAGS,
        parameters=ONE,
        responses=AccountAnswer,
        examples=[shown(ACCOUNT)],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Return an account."""
        return self.answer(request, account_id)

    @extend_schema(
        operation_id="account_change",
        summary="Rename an account, or limit what it holds",
        tags=TAGS,
        parameters=ONE,
        request=AccountChange,
        responses=AccountAnswer,
        examples=[
            sent({"name": "Second account", "max_worth": "5000"}),
            shown({**ACCOUNT, "name": "Second account", "max_worth": "5000"}),
        ],
    )
    def patch(self, request: Request, account_id: int) -> Response:
        """Give an account another name, or a limit for all that it holds together, in its own money."""
        account, body = self.account(request, account_id), read_body(request, AccountChange)
        accounts.account_change(account=account, changes=account_changes(body), actor=self.user(request))
        return self.answer(request, account_id)

    @extend_schema(
        operation_id="account_close",
        summary="Close an account",
        tags=TAGS,
        parameters=ONE,
        responses={200: AccountAnswer},
        examples=[shown({**ACCOUNT, "state": "closed", "credentials": None})],
    )
    def delete(self, request: Request, account_id: int) -> Response:
        """End an account for good: its key is deleted, its history stays.

        409 while it has open orders or copies run on it: cancel and stop them first.

        A person does that: with an API key it is 403.
        """
        accounts.account_close(account=self.account(request, account_id), actor=self.user(request))
        return self.answer(request, account_id)


class CredentialsView(AccountsView):
    """The venue's key of an account, which people manage: with an API key it is 403."""

    permission_classes = [IsPerson]

    def get_throttles(self) -> list[BaseThrottle]:
        """Count what the venue is asked to check; deleting a key is never held up by it."""
        return [*super().get_throttles(), *([WriteThrottle()] if self.request.method == "PUT" else [])]

    @extend_schema(
        operation_id="account_credentials_save",
        summary="Save a venue key",
        description=(
            "Asks the venue what the key may do, before anything is stored. A key that may withdraw is refused, and so "
            "is one that may not read or trade, or that the venue does not know; one that another account here uses is "
            "a conflict, and while there are open orders or holdings, so is one of another account at the venue. The "
            "key is stored encrypted; no answer ever holds it. The account is synced at once: what went wrong there "
            "stands in its `sync_error`. With an API key it is 403."
        ),
        tags=TAGS,
        parameters=ONE,
        request=NewCredentials,
        responses=CredentialsAnswer,
        examples=[sent({"key": "vmPUZE6mv9SD5VNH…", "secret": "NhqPtmdSJYdKjVHj…"}), shown(ACCOUNT["credentials"])],
    )
    def put(self, request: Request, account_id: int) -> Response:
        """Check a key with the venue and store it in place of the one before."""
        account, body = self.account(request, account_id), read_body(request, NewCredentials)
        stored = credentials.credential_save(
            account=account, key=body.key, secret=body.secret, passphrase=body.passphrase, actor=self.user(request)
        )
        sync.account_sync(account=account)  # hedge mode is known before the first order
        return success(key_info(stored))

    @extend_schema(
        operation_id="account_credentials_delete",
        summary="Delete a venue key",
        tags=TAGS,
        parameters=ONE,
        responses={200: CredentialsAnswer},
        examples=[shown(None)],
    )
    def delete(self, request: Request, account_id: int) -> Response:
        """Delete the key of an account, so that nothing more can be sent for it. With an API key it is 403."""
        account = self.account(request, account_id)
        credentials.credential_delete(account=account, actor=self.user(request))
        return success(key_info(credential_of(self.account(request, account_id))))


class BalancesView(AccountsView):
    """What an account has."""

    @extend_schema(
        operation_id="account_balances",
        summary="Balances of an account",
        tags=TAGS,
        parameters=ONE,
        responses=BalancesAnswer,
        examples=[shown([BALANCE])],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Return what the account has, by asset, as of its last sync."""
        return success([balance_info(balance) for balance in balances_list(self.account(request, account_id))])
