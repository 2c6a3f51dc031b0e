"""Connections that are encrypted: to venues whose certificate is trusted, and to no others."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.tests.venues.connections_kit import on_both_loops, post
from markets.tests.venues.raw_venue import Peer, RawVenue
from markets.venues import http
from markets.venues.http import NotSentError, Transport


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the loopback address, with its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "venue")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]),
            critical=False,
        )
        .sign(key, SHA256())
    )
    path = tmp_path / "venue.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def shown(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@on_both_loops
async def test_a_venue_that_shows_a_trusted_certificate_is_asked(
    carrier: Transport, certificate: Path, shown: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str | None] = []
    shown.sni_callback = lambda _socket, name, _context: names.append(name)
    monkeypatch.setattr(http, "tls", lambda: ssl.create_default_context(cafile=str(certificate)))
    async with RawVenue(tls=shown) as venue:
        for _ in range(3):
            answered = await carrier.send("GET", f"https://localhost:{venue.port}/time")
            assert answered.json() == {}

    assert venue.connections == 1
    assert names == ["localhost"]


@on_both_loops
async def test_a_venue_whose_certificate_nobody_knows_is_sent_nothing(
    carrier: Transport, shown: ssl.SSLContext
) -> None:
    async with RawVenue(tls=shown) as venue:
        with pytest.raises(NotSentError, match="SSLCertVerificationError"):
            await post(carrier, venue)

    assert venue.requests == []


@on_both_loops
async def test_a_venue_that_never_ends_its_handshake_is_sent_nothing() -> None:
    hasty = Transport(0.2)

    async def mute(peer: Peer) -> None:
        await peer.end()

    async with RawVenue(mute) as venue:
        with pytest.raises(NotSentError):
            await hasty.send("GET", f"https://127.0.0.1:{venue.port}/time")
        await venue.left()  # the attempt ends with its connection
        await hasty.close()
