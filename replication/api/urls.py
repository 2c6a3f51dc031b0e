"""Routes of people, their orders and their copies."""

from django.urls import path

from replication.api import (
    copies,
    copies_positions,
    copy_defaults,
    decisions,
    masters,
    orders,
    people,
    preview,
    statistics,
)

urlpatterns = [
    path("api/users/register", people.RegisterView.as_view()),
    path("api/users/me", people.MeView.as_view()),
    path("api/users/me/master", people.LeadView.as_view()),
    path("api/masters/", masters.MasterListView.as_view()),
    path("api/masters/follow", masters.FollowView.as_view()),
    path("api/masters/unfollow", masters.UnfollowView.as_view()),
    path("api/masters/following", masters.FollowingView.as_view()),
    path("api/orders/place", orders.OrderPlaceView.as_view()),
    path("api/orders/my-orders", orders.MyOrdersView.as_view()),
    path("api/orders/stats/summary", statistics.OrderSummaryView.as_view()),
    path("api/orders/<int:order_id>", orders.PeoplesOrderDetailView.as_view()),
    path("api/orders/<int:order_id>/cancel", orders.OrderCancelView.as_view()),
    path("api/copies/", copies.CopyListView.as_view()),
    path("api/copies/preview", preview.CopyPreviewView.as_view()),
    path("api/copies/stop-all", copies.CopiesStopView.as_view()),
    path("api/copies/<int:copy_id>", copies.CopyView.as_view()),
    path("api/copies/<int:copy_id>/pause", copies.CopyPauseView.as_view()),
    path("api/copies/<int:copy_id>/resume", copies.CopyResumeView.as_view()),
    path("api/copies/<int:copy_id>/stop", copies.CopyStopView.as_view()),
    path("api/copies/<int:copy_id>/funds", copies.CopyFundsView.as_view()),
    path("api/copies/<int:copy_id>/positions", copies_positions.CopyPositionsView.as_view()),
    path(
        "api/copies/<int:copy_id>/positions/<int:position_id>/close", copies_positions.CopyPositionCloseView.as_view()
    ),
    path("api/copies/<int:copy_id>/decisions", decisions.CopyDecisionsView.as_view()),
    path("api/accounts/<int:account_id>/copy-defaults", copy_defaults.CopyDefaultsView.as_view()),
    path("api/decisions/", decisions.DecisionListView.as_view()),
    path("api/decisions/<int:decision_id>", decisions.DecisionView.as_view()),
    path("api/decisions/<int:decision_id>/retry", decisions.DecisionRetryView.as_view()),
]
