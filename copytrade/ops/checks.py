"""System checks of this installation's settings; each has an id and a hint."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's name)


@register()
def check_addresses(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report addresses that are no http(s) URLs: what is derived from them would silently not work."""
    return [
        Error(
            f"{name} is {value!r}, which is no address.",
            hint="Write it with its scheme, such as https://copytrade.example.com.",
            id=identifier,
        )
        for identifier, name in (("copytrade.E001", "N8N_BACKEND_BASE_URL"), ("copytrade.E002", "FRONTEND_URL"))
        if (value := getattr(settings, name)) and not _is_address(value)
    ]


@register(deploy=True)
def check_transport(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn where keys and sessions would travel unencrypted."""
    if settings.SECURE_SSL_REDIRECT or settings.NUM_PROXIES:
        return []
    return [
        Warning(
            "Nothing says that this installation is reached over TLS.",
            hint="Put a proxy that ends TLS before it and set NUM_PROXIES, or set SECURE_SSL_REDIRECT.",
            id="copytrade.W001",
        )
    ]


def _is_address(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
