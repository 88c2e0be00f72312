"""`.env.example` equals the Settings: every setting once, with its default."""

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

from app.settings.example import GROUPS, NOT_BY_HAND, example
from app.settings.values import READ, Settings

FILE = Path(__file__).parent.parent / ".env.example"


def test_file_is_what_the_settings_make_of_it():
    assert FILE.read_text(encoding="utf-8") == example(), "python -m app.settings.example > .env.example"


def test_every_setting_is_in_one_group():
    named = Counter(name.lstrip("!") for _, _, names in GROUPS for name in names.split())
    assert named == {spec.name: 1 for spec in fields(Settings) if spec.name not in NOT_BY_HAND}


def test_every_default_shown_is_read_as_the_default():
    shown = dict(re.findall(r"^# ([A-Z0-9_]+)=(.+)$", example(), re.MULTILINE))
    specs = {spec.name.upper(): spec for spec in fields(Settings)}
    assert len(shown) > 40
    for name, text in shown.items():
        assert specs[name].metadata[READ](text) == specs[name].default, name


def test_no_secret_has_a_value():
    named = r"^#? ?(?!QUOTA)([A-Z0-9_]*(?:_SECRET|_KEY|_KEYS|QSTASH_TOKEN|_PREVIOUS))=(.*)$"
    secrets = re.findall(named, example(), re.MULTILINE)
    assert len(secrets) > 10
    assert {value for _, value in secrets} == {""}
