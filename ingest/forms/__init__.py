"""From the bytes of a body, in either of its forms, to a `Report`, or to an error that names each wrong field."""

from copytrade.lib.structs import Problems
from ingest.forms.body import ParseOptions, read_head, read_top_level, refuse_upstream_failure
from ingest.forms.normalised import parse_normalised
from ingest.forms.raw_scrape import parse_raw_scrape
from ingest.report import Report

__all__ = ["ParseOptions", "parse_report"]

RAW_KEYS = frozenset({"activePositions", "orderHistory", "portfolioDetail"})


def parse_report(body: bytes, options: ParseOptions) -> Report:
    """Return what the body reports.

    Raises `MalformedJson` for no JSON, `UpstreamError` for a forwarded failure of the source, and `InvalidInput`
    with all wrong fields; a body is taken whole or not at all.
    """
    top = read_top_level(body)
    refuse_upstream_failure(top)
    problems = Problems()
    head = read_head(top, problems)
    parse = parse_raw_scrape if RAW_KEYS & top.keys() else parse_normalised
    return parse(top, head, options, problems)
