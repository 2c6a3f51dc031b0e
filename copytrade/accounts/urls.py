"""Routes of the pages of logging in."""

from django.urls import path

from copytrade.accounts.pages import LoginPage, LogoutPage

urlpatterns = [
    path("login/", LoginPage.as_view(), name="login"),
    path("logout/", LogoutPage.as_view(), name="logout"),
]
