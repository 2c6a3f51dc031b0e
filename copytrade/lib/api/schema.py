"""The OpenAPI schema: msgspec structs as components, and every operation with all errors that it can answer."""

from typing import Any, Literal

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.permissions import SAFE_METHODS, AllowAny

from copytrade.lib.errors import ErrorCode

Direction = Literal["request", "response"]
REFERENCE = "#/components/schemas/{name}"
KEY_SCHEME = "ApiKey"


class ErrorDetail(msgspec.Struct):
    """What went wrong: a code for programs, a sentence for people, and details where there are some."""

    code: ErrorCode
    message: str
    details: dict[str, Any]


class ErrorEnvelope(msgspec.Struct):
    """Every failure has this shape."""

    success: bool
    error: ErrorDetail


def say_numbers(schema: Any) -> None:
    """Say within a schema that decimals without a pattern are numbers or texts: msgspec takes both, and names texts."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal" and "pattern" not in schema:
            schema["type"] = ["number", "string"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            say_numbers(part)


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Lets msgspec structs stand where REST framework has serializers."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        """Return the name of the component."""
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Return the schema of the struct, after registering those that it is made of."""
        _, components = msgspec.json.schema_components([self.target], ref_template=REFERENCE)
        say_numbers(components)
        own = components.pop(self.target.__name__)
        for name, schema in components.items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]
                name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema
            )
            auto_schema.registry.register_on_missing(component)
        return dict(own)


ALWAYS = {"400", "401", "405", "429", "500", "503"}
WITH_PATH = {"404"}
NOT_FOR_ALL = {"403"}
WITH_BODY = {"413", "415"}
CHANGING = {"403", "409", "422"}
MEANINGS = {
    "400": "The input is wrong.",
    "401": "The key or login is missing or wrong.",
    "403": "This caller may not do that.",
    "404": "No such object.",
    "405": "No such method here.",
    "409": "It conflicts with what is there: a halt, an account's state, or a key that was used for something else.",
    "413": "The body is too large.",
    "415": "The body is of another type than those listed.",
    "422": "A venue refused, or its failure was sent instead of data.",
    "429": "Too many requests, here or at the venue; `Retry-After` tells when to go on.",
    "500": "Unexpected; the `X-Request-ID` header finds it in the logs.",
    "503": "The database or the venue does not answer right now; send it again.",
}


class EnvelopeSchema(AutoSchema):
    """Adds the errors that an operation can answer.

    A view that can answer more than those of its kind, such as a GET that asks a venue, names them in `failures`.
    """

    def get_auth(self) -> list[dict[str, Any]]:
        """Return how to say who calls: not by an API key where each one is refused."""
        refused = any(getattr(permission, "refuses_keys", False) for permission in self.view.get_permissions())
        ways: list[dict[str, Any]] = super().get_auth()
        return [way for way in ways if not (refused and KEY_SCHEME in way)]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        codes = ALWAYS | set(getattr(self.view, "failures", ()))
        if "{" in self.path:
            codes |= WITH_PATH
        if self.view.permission_classes != [AllowAny]:
            codes |= NOT_FOR_ALL if self.method in SAFE_METHODS else CHANGING
        if self.method in {"POST", "PUT", "PATCH"}:
            codes |= WITH_BODY
        for code in sorted(codes - responses.keys()):
            responses[code] = self._get_response_for_code(ErrorEnvelope, code)  # type: ignore[no-untyped-call]
            responses[code]["description"] = MEANINGS[code]
        return responses
