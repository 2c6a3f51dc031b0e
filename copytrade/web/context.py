"""What every page knows."""

from django.conf import settings
from django.http import HttpRequest

THEMES = frozenset({"light", "dark"})


def appearance(request: HttpRequest) -> dict[str, object]:
    """Return the theme that the visitor chose, and the version in the footer."""
    theme = request.COOKIES.get("theme")
    return {"theme": theme if theme in THEMES else None, "version": settings.VERSION}
