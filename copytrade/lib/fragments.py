"""Pages whose parts can be asked for one by one, so that a live page renews only what changed."""

from collections.abc import Mapping

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render


def page_or_fragment(
    request: HttpRequest, template: str, fragments: Mapping[str, str], context: Mapping[str, object]
) -> HttpResponse:
    """Render the page, or only the part that `?fragment=` names; `fragments` maps names to templates."""
    name = request.GET.get("fragment")
    if name is None:
        return render(request, template, dict(context))
    if name not in fragments:
        raise Http404
    return render(request, fragments[name], dict(context))
