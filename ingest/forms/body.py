"""What both forms share: the members of a body, its head, and its failures."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from copytrade.lib.errors import InvalidInput, MalformedJson, UpstreamError
from copytrade.lib.structs import Problems, describe
from copytrade.lib.wire import from_milliseconds
from copytrade.lib.wording import pattern_told

LEAD_ID_PATTERN = pattern_told(r"^[A-Za-z0-9._:-]{1,64}$(?!\n)", "1 to 64 letters, digits or any of . _ : and -")
LeadId = Annotated[str, msgspec.Meta(pattern=LEAD_ID_PATTERN)]
IsoTimeOrMilliseconds = Annotated[str, msgspec.Meta(examples=["2026-02-05T00:05:00.000Z"])] | int
Value = TypeVar("Value")
LEAD_ID = msgspec.json.Decoder(LeadId)
MOMENT = msgspec.json.Decoder(str | int)
UPSTREAM_SUCCESS = "000000"
EARLIEST = datetime(2009, 1, 3, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])
_envelope = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How texts without a zone are read."""

    zone: ZoneInfo
    tolerance: timedelta


@dataclass(frozen=True, slots=True)
class Head:
    """What both forms begin with."""

    lead_id: str
    fetched_at: datetime


def read_top_level(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the body's members, undecoded."""
    try:
        if b"\\u0000" in body:
            raise InvalidInput([{"path": "", "message": "holds the character \\u0000, which cannot be stored"}])
        body.decode()  # msgspec skips over what it does not decode, so an invalid byte is found here
        return _top_level.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput([{"path": "", "message": describe(error)}]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body is not JSON: {error}") from error


def refuse_upstream_failure(top: dict[str, msgspec.Raw]) -> None:
    """Refuse the failure of the source itself, which a scraper that ignores errors forwards as data."""
    flags = {name: _envelope.decode(top[name]) for name in ("success", "code", "error", "message") if name in top}
    code = flags.get("code")
    failed = flags.get("success") is False or (code is not None and str(code) != UPSTREAM_SUCCESS)
    if failed or ("error" in flags and "leadId" not in top):
        words = flags.get("message") or flags.get("error") or "no message"
        raise UpstreamError(
            f"This is the source's own failure (code {code}: {str(words)[:200]}), not a report; nothing was stored.",
            details={"upstream_code": str(code) if code is not None else None},
        )


def read_head(top: dict[str, msgspec.Raw], problems: Problems) -> Head:
    """Return leader and time; what is wrong goes to the problems."""
    lead_id = _read(top, "leadId", LEAD_ID, problems)
    moment = _read(top, "fetchedAt", MOMENT, problems)
    fetched_at = None if moment is None else read_moment(moment, "fetchedAt", problems)
    return Head(lead_id or "", fetched_at or EARLIEST)  # where one is wrong, the body is refused


def read_moment(value: str | int, path: str, problems: Problems) -> datetime | None:
    """Return the moment of an ISO 8601 text with an offset, or of milliseconds since the epoch."""
    try:
        moment = from_milliseconds(value) if isinstance(value, int) else datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        problems.add(path, "is not an ISO 8601 time such as 2026-02-05T00:05:00.000Z")
        return None
    if moment.tzinfo is None:
        problems.add(path, "has no offset: end it with Z or with an offset such as +03:00")
        return None
    if not EARLIEST <= moment <= LATEST:
        problems.add(path, f"must be between {EARLIEST:%Y} and {LATEST:%Y}")
        return None
    return moment.astimezone(UTC)


def read_rows(value: msgspec.Raw | None, path: str, problems: Problems) -> list[msgspec.Raw] | None:
    """Return the undecoded rows of a list, None where it is absent or null."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=list[msgspec.Raw] | None)
    except msgspec.ValidationError as error:
        problems.add(path, describe(error))
        return None


def _read(
    top: dict[str, msgspec.Raw], name: str, decoder: "msgspec.json.Decoder[Value]", problems: Problems
) -> Value | None:
    if name not in top:
        problems.add(name, "is missing")
        return None
    try:
        return decoder.decode(top[name])
    except msgspec.ValidationError as error:
        problems.add(name, describe(error))
        return None
