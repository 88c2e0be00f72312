"""Sentry and OpenTelemetry: a setting without its package is refused at the start, and addresses are https."""

import pytest

from app.settings import checks
from app.settings.environment import read_settings
from app.settings.values import SettingsError

ADDRESSES = {
    "SENTRY_DSN": "https://public-key@errors.example.com/1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://traces.example.com:4318",
}
LOCKS = {"SENTRY_DSN": "requirements-sentry.txt", "OTEL_EXPORTER_OTLP_ENDPOINT": "requirements-otel.txt"}


@pytest.mark.parametrize("name", ADDRESSES)
def test_set_without_its_package_the_app_does_not_start(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "is_installed", lambda _module: False)
    with pytest.raises(SettingsError, match=f"{name} needs a package: .*{LOCKS[name]}"):
        read_settings({name: ADDRESSES[name]})
    read_settings({})


@pytest.mark.parametrize("name", ADDRESSES)
def test_set_with_its_package_the_app_starts(name: str):
    assert getattr(read_settings({name: ADDRESSES[name]}), name.lower()) == ADDRESSES[name]


@pytest.mark.parametrize("name", ADDRESSES)
def test_plain_http_is_for_this_machine_and_named_hosts(name: str):
    plain = ADDRESSES[name].replace("https", "http")
    with pytest.raises(SettingsError, match=f"{name} must be https"):
        read_settings({name: plain})
    host = plain.rpartition("@")[2].removeprefix("http://").partition(":")[0].partition("/")[0]
    read_settings({name: plain, "ALLOW_HTTP_HOSTS": host})


def test_absent_modules_are_found_absent_without_an_import():
    assert checks.is_installed("opentelemetry.exporter.otlp.proto.http")
    assert not checks.is_installed("no_such_module")
    assert not checks.is_installed("no_such.module.of_any.package")
