"""The answer to a push."""

from typing import Annotated, Literal

import msgspec

from copytrade.lib.wire import json_number
from ingest.services import Receipt

Number = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "number"})]


class IngestResult(msgspec.Struct, rename="camel", kw_only=True):
    """What a push brought. Positions count as inserted when they opened or changed; fills known before are skipped."""

    lead_id: str
    positions_inserted: int
    events_inserted: int
    events_skipped: int
    symbols_aggregated: int
    trader_score: Number


class IngestMeta(msgspec.Struct, rename="camel", kw_only=True):
    """What became of the push, and how many positions it closed."""

    outcome: Literal["stored", "repeated", "outdated"]
    positions_closed: int


class IngestAnswer(msgspec.Struct):
    """The push is stored."""

    success: Literal[True]
    data: IngestResult
    meta: IngestMeta


def ingest_answer(receipt: Receipt) -> IngestAnswer:
    """Return the answer that tells of a receipt."""
    score = json_number(receipt.trader_score)
    assert score is not None
    result = IngestResult(
        lead_id=receipt.lead_id,
        positions_inserted=receipt.positions_inserted,
        events_inserted=receipt.events_inserted,
        events_skipped=receipt.events_skipped,
        symbols_aggregated=receipt.symbols_aggregated,
        trader_score=score,
    )
    meta = IngestMeta(outcome=receipt.outcome.value, positions_closed=receipt.positions_closed)  # type: ignore[arg-type]
    return IngestAnswer(True, result, meta)
