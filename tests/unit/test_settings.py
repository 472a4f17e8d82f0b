"""Settings come from the environment, by name, with their types checked."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from sightline.settings import Settings, get_settings


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_a_variable_sets_the_field_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DECODE_THREADS", "3")
    monkeypatch.setenv("SIGHTLINE_WEBHOOK_LOOPBACK", "true")
    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", "postgresql://app:word@localhost/x")
    settings = get_settings()
    assert (settings.decode_threads, settings.webhook_loopback) == (3, True)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://app:word@localhost/x"
    assert "word" not in repr(settings)


def test_what_is_not_set_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGHTLINE_SEARCH_RATE_PER_MINUTE", raising=False)
    monkeypatch.setenv("SIGHTLINE_NO_SUCH_THING", "1")
    assert get_settings().search_rate_per_minute == Settings().search_rate_per_minute


@pytest.mark.parametrize(
    ("name", "value"), [("DECODE_THREADS", "many"), ("DECODE_THREADS", "0"), ("WRITER", "x")]
)
def test_a_value_that_cannot_be_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SIGHTLINE_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        get_settings()
