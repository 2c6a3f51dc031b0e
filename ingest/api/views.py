"""Where scrapers push."""

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.authentication import ApiKeyAuthentication, KeyHolder, MayIngest
from copytrade.lib.api.parsers import UndecodedJson
from copytrade.lib.api.throttling import WindowThrottle
from copytrade.lib.errors import MalformedJson
from ingest.api.examples import NORMALISED_PUSH, RAW_PUSH, STORED
from ingest.api.serializers import IngestAnswer, ingest_answer
from ingest.forms.normalised import NormalisedBody
from ingest.forms.raw_scrape import RawScrapeBody
from ingest.services import push_receive


class IngestThrottle(WindowThrottle):
    """`RATE_LIMIT_MAX` pushes per key in each `RATE_LIMIT_WINDOW_MS`."""

    scope = "ingest"

    def limit(self) -> int:
        """Return the configured budget."""
        return int(settings.RATE_LIMIT_MAX)

    def window_seconds(self) -> float:
        """Return the configured window."""
        return float(settings.RATE_LIMIT_WINDOW_MS) / 1000

    def caller(self, request: Request) -> str:
        """Return whose budget is used: the key's."""
        assert isinstance(request.auth, KeyHolder)
        return request.auth.budget


class BinanceCopyTradeView(APIView):
    """Pushes of Binance copy trading."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [MayIngest]
    parser_classes = [UndecodedJson]
    throttle_classes = [IngestThrottle]

    @extend_schema(
        operation_id="ingest_binance_copytrade",
        summary="Push a leader's positions and fills",
        description=(
            "Takes the normalised form (`positions`, `events`) or the raw scrape (`activePositions`, "
            "`orderHistory`). The body is stored whole or not at all; sent again, it changes nothing. "
            "A report whose list of positions lacks one closes it; a report without the list closes nothing."
        ),
        tags=["Ingest"],
        request=PolymorphicProxySerializer(
            component_name="IngestBody",
            serializers=[NormalisedBody, RawScrapeBody],  # type: ignore[list-item]  # see StructExtension
            resource_type_field_name=None,
        ),
        responses=IngestAnswer,
        examples=[
            OpenApiExample("Normalised form", NORMALISED_PUSH, request_only=True),
            OpenApiExample("Raw scrape", RAW_PUSH, request_only=True),
            OpenApiExample("Stored", STORED, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Store the push."""
        body = request.data
        if not isinstance(body, bytes) or not body:
            raise MalformedJson("The body is empty: send a JSON object.")
        assert isinstance(request.auth, KeyHolder)
        return Response(ingest_answer(push_receive(body=body, holder=request.auth)))
