"""App configuration."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """What people may use: plans, and who has which."""

    name = "copytrade.billing"
