"""Nothing of ours needs what the content security policy forbids."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import make_staff

FILES = [
    *settings.BASE_DIR.glob("templates/**/*.html"),
    *settings.BASE_DIR.glob("templates/**/*.svg"),
    *settings.BASE_DIR.glob("static/*"),
    *settings.BASE_DIR.glob("*/templatetags/*.py"),
    *settings.BASE_DIR.glob("*/admin/*.py"),
]
FORBIDDEN = {
    "an inline style": re.compile(r"<[^>]*\sstyle\s*=|<style\b", re.IGNORECASE),
    "an inline handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE),
    "evaluated text": re.compile(r"\beval\(|new Function\(|javascript:", re.IGNORECASE),
    "another host": re.compile(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", re.IGNORECASE),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str):
    texts = {path: path.read_text() for path in FILES if path.is_file() and path.suffix != ".woff2"}
    assert len(texts) > 30
    assert [str(path) for path, text in texts.items() if FORBIDDEN[what].search(text)] == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an inline style", '<p class="x" style="color: red">'),
        ("an inline handler", '<button type="button" onclick="go()">'),
        ("an inline script", "<script>go()</script>"),
        ("evaluated text", 'eval("1")'),
        ("another host", '<img src="//elsewhere.example/x.png">'),
    ],
)
def test_the_search_finds(what: str, text: str):
    assert FORBIDDEN[what].search(text)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/leaders/", "/leaders/binance/nobody/", "/admin/login/", "/admin/"])
def test_pages_carry_the_policy(client: Client, path: str):
    client.force_login(make_staff())
    policy = client.get(path, headers={"Accept": "text/html"})["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "unsafe" not in policy


def test_vendored_files_bring_their_licences():
    for folder in (settings.BASE_DIR / "static/vendor").iterdir():
        assert (folder / "LICENSE").exists()
    assert Path(settings.BASE_DIR / "templates/icons/LICENSE").exists()
