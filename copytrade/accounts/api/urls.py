"""Routes of logins."""

from django.urls import path

from copytrade.accounts.api import views

urlpatterns = [
    path("api/users/login", views.LoginView.as_view()),
    path("api/users/refresh", views.RefreshView.as_view()),
    path("api/users/me/password", views.PasswordView.as_view()),
    path("api/users/logout", views.LogoutView.as_view()),
]
