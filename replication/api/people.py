"""People: registering, who one is, and leading."""

from typing import Annotated, Any, Literal

import msgspec
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.api.serializers import Password
from copytrade.accounts.models import User
from copytrade.accounts.permissions import IsPerson, MayRead
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api.responses import success
from copytrade.lib.api.throttling import ApiThrottle, RegisterThrottle
from copytrade.lib.wire import iso_time
from orders.api.bodies import UndecodedJson, read_body
from orders.api.shapes import Amount, Time, amount_or_none
from replication.selectors.people import PersonView, person_view
from replication.services.people import person_lead, person_register

TAGS = ["Users"]
RoleWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["MASTER", "FOLLOWER"]})]


class NewPerson(msgspec.Struct, kw_only=True):
    """Somebody who registers. A master is seen by others, by the full name or else the username."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254, extra_json_schema={"format": "email"})]
    username: Annotated[
        str, msgspec.Meta(min_length=1, max_length=150, description="Letters, digits, and `. + - _`; one's own.")
    ]
    password: Password
    full_name: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    role: RoleWord = "FOLLOWER"
    iifl_account_id: Annotated[str, msgspec.Meta(max_length=32, description="The client id at IIFL.")] | None = None


class Person(msgspec.Struct, kw_only=True):
    """Somebody with an account. `role` is ADMIN for staff, whatever they came for.

    `balance` is the money of the first paper account, in `balance_asset`; null without such an account. `master_id` is
    by what others follow a master; null for who never was one. `plan` is one of `/api/plans/`; null where there is no
    default one, and none was given to them.
    """

    id: int
    username: str
    email: str
    full_name: str | None
    role: Literal["MASTER", "FOLLOWER", "ADMIN"]
    iifl_account_id: str | None
    balance: Amount | None
    balance_asset: Annotated[str, msgspec.Meta(examples=["INR"])] | None
    master_id: int | None
    plan: Annotated[str, msgspec.Meta(examples=["starter"])] | None
    is_staff: bool
    is_superuser: bool
    created_at: Time


class PersonAnswer(msgspec.Struct):
    """A person, as they see themselves."""

    success: Literal[True]
    data: Person


ADA: dict[str, Any] = {
    "id": 7,
    "username": "master_trader",
    "email": "master@example.com",
    "full_name": "Master Trader",
    "role": "MASTER",
    "iifl_account_id": "MASTER001",
    "balance": "10000",
    "balance_asset": "INR",
    "master_id": 3,
    "plan": None,
    "is_staff": False,
    "is_superuser": False,
    "created_at": "2026-02-05T00:05:00.000Z",
}
GRACE: dict[str, Any] = {
    **ADA,
    "id": 8,
    "username": "follower1",
    "email": "follower@example.com",
    "full_name": "Follower One",
    "role": "FOLLOWER",
    "iifl_account_id": "FOLLOW001",
    "master_id": None,
}


def person(view: PersonView) -> Person:
    """Return a person as they stand on the wire."""
    user = view.user
    return Person(
        id=user.pk,
        username=user.username,
        email=user.email,
        full_name=user.full_name or None,
        role="ADMIN" if user.is_staff else user.role,  # type: ignore[arg-type]  # one of Role's values
        iifl_account_id=user.iifl_account_id or None,
        balance=amount_or_none(view.balance),
        balance_asset=view.balance_asset or None,
        master_id=view.master_id,
        plan=view.plan.slug if view.plan else None,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        created_at=iso_time(user.date_joined),
    )


def _sent(of: dict[str, Any], name: str) -> OpenApiExample:
    fields = ("email", "username", "full_name", "role", "iifl_account_id")
    value = {**{field: of[field] for field in fields}, "password": "Password123!"}
    return OpenApiExample(name, value, request_only=True)


def _shown(data: dict[str, Any], name: str, status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, {"success": True, "data": data}, response_only=True, status_codes=[status])


class RegisterView(APIView):
    """Registering."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [RegisterThrottle]
    parser_classes = [UndecodedJson]
    failures = ("409",)

    @extend_schema(
        operation_id="user_register",
        summary="Register",
        tags=TAGS,
        request=NewPerson,
        responses={201: PersonAnswer},
        examples=[
            _sent(ADA, "A master"),
            _sent(GRACE, "A follower"),
            _shown(ADA, "A master who registered", "201"),
            _shown(GRACE, "A follower who registered", "201"),
        ],
    )
    def post(self, request: Request) -> Response:
        """Make an account, with paper money to begin with; log in with it for tokens.

        A username that is taken is 400. 409 says that the details cannot be accepted, and no more.
        """
        body = read_body(request, NewPerson)
        user = person_register(
            username=body.username,
            email=body.email,
            password=body.password,
            role=body.role,
            full_name=body.full_name or "",
            iifl_account_id=body.iifl_account_id or "",
        )
        response = success(person(person_view(user)))
        response.status_code = 201
        return response


class MeView(APIView):
    """Who the caller is."""

    permission_classes = [MayRead]

    @extend_schema(
        operation_id="user_me",
        summary="Who I am",
        tags=TAGS,
        responses=PersonAnswer,
        examples=[_shown(ADA, "A master")],
    )
    def get(self, request: Request) -> Response:
        """Return the user whom the session, the token or the API key stands for."""
        assert isinstance(request.user, User)
        return success(person(person_view(request.user)))


class LeadView(APIView):
    """Becoming a master."""

    permission_classes = [IsPerson]
    throttle_classes = [ApiThrottle, WriteThrottle]

    @extend_schema(
        operation_id="user_lead",
        summary="Become a master",
        tags=TAGS,
        request=None,
        responses=PersonAnswer,
        examples=[_shown(ADA, "A master")],
    )
    def post(self, request: Request) -> Response:
        """Let others follow what the caller trades on one of their paper accounts; a master already stays one.

        409 for somebody who was a master until staff ended it.
        """
        assert isinstance(request.user, User)
        return success(person(person_view(person_lead(user=request.user))))
