"""The Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Accounts and orders."""

    name = "orders"
