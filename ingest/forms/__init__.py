"""The forms that a body may have: the normalised one and the raw scrape."""

from ingest.forms.body import ParseOptions, parse_report

__all__ = ["ParseOptions", "parse_report"]
