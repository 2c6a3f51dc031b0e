"""What the views of accounts share."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.accounts.api.guarded import GuardedView
from copytrade.accounts.models import User
from copytrade.accounts.permissions import IsPerson
from copytrade.lib.api.responses import success
from orders.api.bodies import UndecodedJson
from orders.api.shapes import account_info
from orders.models import TradingAccount
from orders.selectors.accounts import account_get, account_view

ACCOUNT_ID = OpenApiParameter(
    "account_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="The number of the account."
)
ONE = [ACCOUNT_ID]
TAGS = ["Accounts"]


class AccountsView(GuardedView):
    """What all views of accounts share: bodies are read from their own digits."""

    parser_classes = [UndecodedJson]

    def user(self, request: Request) -> User:
        """Return whose accounts they are."""
        assert isinstance(request.user, User)
        return request.user

    def need_person(self, request: Request) -> None:
        """Refuse API keys, whatever their scopes."""
        permission = IsPerson()
        if not permission.has_permission(request, self):
            self.permission_denied(request, message=permission.message)

    def account(self, request: Request, account_id: int) -> TradingAccount:
        """Return the user's account; raises `NotFound`."""
        return account_get(self.user(request), account_id)

    def answer(self, request: Request, account_id: int) -> Response:
        """Return the account as it is now."""
        return success(account_info(account_view(self.account(request, account_id))))
