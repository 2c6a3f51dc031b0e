"""Which leader a request is about: by its number here, or by its platform and the id it has there."""

from typing import Annotated

import msgspec
from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.errors import InvalidInput
from copytrade.lib.wording import pattern_told
from replication.selectors.masters import leader_number
from replication.services.people import HOUSE
from traders.api.serializers import PLATFORM_PATTERN

NAMED_PLATFORM = pattern_told(PLATFORM_PATTERN + r"(?!\n)", "a platform such as binance")
Platform = Annotated[
    str,
    msgspec.Meta(
        pattern=NAMED_PLATFORM,
        examples=["binance"],
        description="Where the leader trades; together with `lead_id`, in place of the number.",
    ),
]
LeadId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        examples=["3954960147375012609"],
        description="The leader's id at the platform, as `/traders/top` tells it.",
    ),
]
PLATFORM_PARAMETER = OpenApiParameter(
    "platform",
    {"type": "string", "pattern": PLATFORM_PATTERN, "default": HOUSE},
    description="Where they trade: `house` is here, `binance` are watched leaders.",
)


def leader_named(*, number: int | None, platform: str | None, lead_id: str | None, path: str) -> int:
    """Return the number of the leader that a body names in one of both ways; `path` is what it calls the number.

    Raises `InvalidInput` where it names none, half of one, or one twice; `NotFound` where no leader has the id.
    """
    match number, platform, lead_id:
        case int(), None, None:
            return number
        case None, str(), str():
            return leader_number(platform, lead_id)
        case None, None, None:
            raise _wrong(path, "is missing: name the leader by it, or by `platform` and `lead_id`")
        case None, None, _:
            raise _wrong("platform", "is missing: `platform` and `lead_id` name a leader together")
        case None, _, None:
            raise _wrong("lead_id", "is missing: `platform` and `lead_id` name a leader together")
        case _:
            raise _wrong(path, "names the leader twice: leave it out, or `platform` and `lead_id`")


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": path, "message": message}])
