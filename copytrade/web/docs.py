"""The API's documentation, with its own files and under a policy that lets it style itself."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

STYLED = csp_replace({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"], "default-src": [NONE]})


class SchemaFile(SpectacularAPIView):
    """The OpenAPI schema, as YAML or `?format=json`. It has no budget: tools load it again and again."""

    content_negotiation_class = DefaultContentNegotiation
    throttle_classes = ()


@method_decorator(STYLED, name="dispatch")
class SwaggerPage(SpectacularSwaggerSplitView):
    """Swagger UI, its script in a file of its own."""

    throttle_classes = ()


@method_decorator(STYLED, name="dispatch")
class RedocPage(SpectacularRedocView):
    """ReDoc, without the fonts that its own page would fetch from elsewhere."""

    template_name = "web/redoc.html"
    throttle_classes = ()
