"""All routes. Each answers with and without a trailing slash (see `EitherSlashMiddleware`)."""

from django.contrib import admin
from django.urls import include, path

from copytrade.web import errors
from copytrade.web.docs import RedocPage, SchemaFile, SwaggerPage

urlpatterns = [
    path("", include("copytrade.ops.api.urls")),
    path("", include("copytrade.accounts.api.urls")),
    path("", include("copytrade.billing.api.urls")),
    path("", include("markets.api.urls")),
    path("", include("ingest.api.urls")),
    path("", include("traders.api.urls")),
    path("", include("orders.api.urls")),
    path("", include("replication.api.urls")),
    path("", include("copytrade.web.urls")),
    path("api/schema", SchemaFile.as_view(), name="schema"),
    path("docs", SwaggerPage.as_view(url_name="schema"), name="docs"),
    path("redoc", RedocPage.as_view(url_name="schema"), name="redoc"),
    path("admin/", admin.site.urls),
]
handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
