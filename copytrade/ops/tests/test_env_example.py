"""`.env.example` lists what is read, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
READ_ELSEWHERE = {
    "HOST",  # manage.py up, docker-compose.yml
    "VAR_DIR",  # before the settings are read
    "POSTGRES_PASSWORD",  # docker-compose.yml
    "DJANGO_SUPERUSER_EMAIL",  # manage.py bootstrap
    "DJANGO_SUPERUSER_PASSWORD",
}


def test_every_variable_that_is_read_is_listed_and_every_listed_one_is_read():
    settings = (ROOT / "copytrade" / "settings.py").read_text()
    example = (ROOT / ".env.example").read_text()

    read = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', settings))
    listed = set(re.findall(r"^# ?([A-Z0-9_]+)=", example, re.MULTILINE))

    assert listed == read | READ_ELSEWHERE
