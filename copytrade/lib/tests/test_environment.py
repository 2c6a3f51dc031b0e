"""The environment: what is wrong ends the start with one line that names the variable."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from copytrade.lib.environment import Environment, check_ingest_key, check_jwt_secret, check_secret_key

GOOD = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a-secret-key-of-production-with-more-than-fifty-characters",
    "MASTER_ENCRYPTION_KEY": "a-key-that-encrypts-only-what-tests-made",
    "ALLOWED_HOSTS": "copytrade.example",
    "DATABASE_URL": "postgres://user:word@127.0.0.1:1/name",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    # Empty counts as not set, and keeps a developer's .env out.
    **dict.fromkeys(
        ("DEBUG", "INGEST_API_KEY", "JWT_SECRET", "PORT", "N8N_BACKEND_BASE_URL", "LOG_LEVEL", "INGEST_TIME_ZONE"), ""
    ),
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.delenv("THING", raising=False)
    return Environment()


def start(var_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Return how reading the settings ends with these variables in place of good ones."""
    return subprocess.run(
        [sys.executable, "-c", "import copytrade.settings"],
        cwd=settings.BASE_DIR,
        env={**GOOD, "VAR_DIR": str(var_dir), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_complete_environment_starts(tmp_path: Path) -> None:
    result = start(tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing: set it in the environment or in .env"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is short or a default: make one of 50 random characters"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is missing: name the hosts that people reach this installation by"),
        (
            {"IIFL_PRODUCT": "CNC"},
            "IIFL_PRODUCT is CNC, whose shares are not followed once they are delivered: write MIS or NRML",
        ),
        ({"DEBUG": "1"}, "DEBUG is on: it shows internals to everyone and is refused in production"),
        (
            {"INGEST_API_KEY": "dev-api-key-12345"},
            "INGEST_API_KEY is short or an example: make one of 20 random characters or more",
        ),
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing: set it in the environment or in .env"),
        ({"REDIS_URL": "http://example"}, "REDIS_URL is not a URL that starts with redis://"),
        ({"ENVIRONMENT": "staging"}, "ENVIRONMENT is 'staging': write one of development, test, production"),
    ],
)
def test_production_refuses_with_one_line_that_names_the_variable(
    tmp_path: Path, variables: dict[str, str], line: str
) -> None:
    result = start(tmp_path, **variables)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{line}\n")


def test_development_takes_short_secrets_and_knows_its_hosts(tmp_path: Path) -> None:
    result = start(tmp_path, ENVIRONMENT="development", SECRET_KEY="short", INGEST_API_KEY="dev", ALLOWED_HOSTS="")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_value_of_a_variable_may_stand_in_a_file(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("THING_IN_A_FILE_FILE", str(tmp_path / "secret"))
    assert environment.text("THING_IN_A_FILE") == "from the file"


def test_the_address_of_the_database_may_stand_in_a_file(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgres://ada:word@db.example:5433/house\n")
    monkeypatch.setenv("DATABASE_IN_A_FILE_FILE", str(tmp_path / "url"))
    found = environment.database("DATABASE_IN_A_FILE")
    expected = {"HOST": "db.example", "PORT": 5433, "NAME": "house", "USER": "ada", "PASSWORD": "word"}
    assert expected.items() <= found.items()


def test_a_file_that_is_not_there_is_refused(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THING_IN_NO_FILE_FILE", str(tmp_path / "none"))
    assert refusal(lambda: environment.text("THING_IN_NO_FILE")).startswith("THING_IN_NO_FILE ")


def test_the_real_environment_wins_over_files_and_earlier_files_over_later_ones(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("FAULT_ONE", "FAULT_TWO", "FAULT_THREE"):  # registers them to be taken back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("FAULT_ONE", "real")
    (tmp_path / "first").write_text("FAULT_ONE=first\nFAULT_TWO=first\n")
    (tmp_path / "second").write_text("FAULT_TWO=second\nFAULT_THREE=second\n")
    environment.load(tmp_path / "first", tmp_path / "none", tmp_path / "second")
    found = [environment.text(name) for name in ("FAULT_ONE", "FAULT_TWO", "FAULT_THREE")]
    assert found == ["real", "first", "second"]


def test_an_empty_variable_counts_as_not_set(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "")
    assert environment.text("THING", "default") == "default"
    assert refusal(lambda: environment.text("THING")).startswith("THING is missing")


def test_lists_are_separated_by_commas(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.texts("THING", ("a", "b")) == ["a", "b"]
    monkeypatch.setenv("THING", " one, two ,,three,")
    assert environment.texts("THING") == ["one", "two", "three"]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("True", True), ("ON", True), ("no", False), ("0", False)])
def test_switches_are_read(environment: Environment, monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("THING", text)
    assert environment.boolean("THING", default=not value) is value


def test_values_of_the_wrong_kind_are_refused(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "maybe")
    assert refusal(lambda: environment.boolean("THING", default=True)) == "THING is 'maybe': write true or false"
    assert refusal(lambda: environment.integer("THING", 1)) == "THING is 'maybe': write a whole number"
    assert refusal(lambda: environment.choice("THING", "a", ("a", "b"))) == "THING is 'maybe': write one of a, b"
    assert refusal(lambda: environment.url("THING", ("redis",))) == "THING is not a URL that starts with redis://"
    assert refusal(lambda: environment.database("THING")) == "THING is not a URL that starts with postgres://"
    assert refusal(lambda: environment.time_zone("THING")).startswith("THING is 'maybe': write a time zone")


@pytest.mark.parametrize("text", ["../etc/passwd", "/etc/localtime", "Europe/", "\x7f"])
def test_a_time_zone_that_is_none_is_refused(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("THING", text)
    assert refusal(lambda: environment.time_zone("THING")).startswith("THING is ")


def test_a_time_zone_is_read_and_none_is_none(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.time_zone("THING") is None
    monkeypatch.setenv("THING", "Europe/Berlin")
    assert environment.time_zone("THING") == ZoneInfo("Europe/Berlin")


def test_a_number_that_is_too_small_is_refused(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "0")
    assert environment.integer("THING", 5) == 0
    assert refusal(lambda: environment.integer("THING", 5, least=1)) == "THING is 0: write 1 or more"


@pytest.mark.parametrize("key", ["x" * 49, "django-insecure-" + "x" * 60])
def test_production_refuses_a_weak_secret_and_development_takes_it(key: str) -> None:
    assert refusal(lambda: check_secret_key(key, development=False)).startswith("SECRET_KEY ")
    assert check_secret_key(key, development=True) == key


@pytest.mark.parametrize("key", ["x" * 19, "your-secure-key-here", "dev-api-key-12345"])
def test_production_refuses_a_weak_ingest_key_and_development_takes_it(key: str) -> None:
    assert refusal(lambda: check_ingest_key(key, development=False)).startswith("INGEST_API_KEY ")
    assert check_ingest_key(key, development=True) == key


def test_production_refuses_a_short_secret_of_tokens_and_development_takes_it() -> None:
    key = "x" * 50
    refused = refusal(lambda: check_jwt_secret("x" * 31, secret_key=key, development=False))
    assert refused == "JWT_SECRET is short: make one of 32 random characters or more"
    assert check_jwt_secret("x" * 32, secret_key=key, development=False) == "x" * 32
    assert check_jwt_secret("x", secret_key=key, development=True) == "x"


def test_without_a_secret_of_tokens_one_is_made_of_the_secret_key() -> None:
    made = check_jwt_secret("", secret_key="x" * 50, development=False)
    assert made == check_jwt_secret("", secret_key="x" * 50, development=False)
    assert made not in {check_jwt_secret("", secret_key="y" * 50, development=False), "x" * 50}
    assert len(made) == 64


def test_numbers_keep_their_digits_and_have_bounds(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.number("THING", "0.10", least="0", most="20") == Decimal("0.10")
    for value, words in (("many", "write a number"), ("21", "from 0 to 20"), ("nan", "write a number")):
        monkeypatch.setenv("THING", value)
        assert words in refusal(lambda: environment.number("THING", "0", least="0", most="20"))


def test_strong_secrets_and_no_ingest_key_at_all_are_fine_in_production() -> None:
    assert check_secret_key("x" * 50, development=False)
    assert check_ingest_key("x" * 20, development=False)
    assert check_ingest_key("", development=False) == ""


def refusal(start: object) -> str:
    """Return the line with which a start ends."""
    assert callable(start)
    with pytest.raises(SystemExit) as end:
        start()
    line = str(end.value.code)
    assert "\n" not in line
    return line
