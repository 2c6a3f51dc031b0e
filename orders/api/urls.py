"""Routes of accounts, positions, halts and orders."""

from django.urls import include, path

from orders.api import account_actions, accounts, halts, positions

urlpatterns = [
    path("api/accounts/", accounts.AccountListView.as_view()),
    path("api/accounts/<int:account_id>", accounts.AccountView.as_view()),
    path("api/accounts/<int:account_id>/credentials", accounts.CredentialsView.as_view()),
    path("api/accounts/<int:account_id>/sync", account_actions.SyncView.as_view()),
    path("api/accounts/<int:account_id>/pause", account_actions.PauseView.as_view()),
    path("api/accounts/<int:account_id>/resume", account_actions.ResumeView.as_view()),
    path("api/accounts/<int:account_id>/live", account_actions.LiveView.as_view()),
    path("api/accounts/<int:account_id>/balances", accounts.BalancesView.as_view()),
    path("api/accounts/<int:account_id>/leverage", account_actions.LeverageView.as_view()),
    path("api/accounts/<int:account_id>/halt", account_actions.AccountHaltView.as_view()),
    path("api/positions/", positions.PositionListView.as_view()),
    path("api/positions/open", positions.OpenPositionsView.as_view()),
    path("api/positions/summary", positions.PositionSummaryView.as_view()),
    path("api/positions/<int:position_id>/close", positions.PositionCloseView.as_view()),
    path("api/admin/halts/", halts.HaltListView.as_view()),
    path("api/admin/halts/<int:halt_id>", halts.HaltView.as_view()),
    path("", include("orders.api.binance.urls")),
]
