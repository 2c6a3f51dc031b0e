"""System checks."""

import pytest

from copytrade.ops.checks import check_addresses, check_transport


@pytest.mark.parametrize("value", ["example.com", "ftp://example.com", "https://"])
@pytest.mark.parametrize(("name", "identifier"), [("N8N_BACKEND_BASE_URL", "E001"), ("FRONTEND_URL", "E002")])
def test_an_address_without_scheme_or_host_is_an_error_with_a_hint(settings, name, identifier, value):
    setattr(settings, name, value)

    [problem] = check_addresses(None)

    assert problem.id == f"copytrade.{identifier}"
    assert problem.hint


def test_addresses_that_are_right_or_absent_are_fine(settings):
    settings.N8N_BACKEND_BASE_URL, settings.FRONTEND_URL = "https://x.ngrok-free.app", ""

    assert check_addresses(None) == []


def test_an_installation_without_tls_is_warned_about(settings):
    assert [problem.id for problem in check_transport(None)] == ["copytrade.W001"]
    settings.NUM_PROXIES = 1
    assert check_transport(None) == []
