"""deploy/new-env creates settings with random passwords."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.compose import TOP, read_settings, services
from tests.unit.deploy.trial import ALL, PASSWORDS


def new_env(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    argv = ["sh", folder / "deploy" / "new-env", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy ``deploy``, so that a test can create a .env in it."""
    (tmp_path / "deploy").mkdir()
    for name in ("new-env", "trial.env", "production.env"):
        (tmp_path / "deploy" / name).write_text((TOP / "deploy" / name).read_text())
    return tmp_path


def test_a_new_env_has_its_own_passwords_which_are_safe_in_a_url(copy: Path) -> None:
    assert new_env(copy, "trial").returncode == 0
    first = (copy / ".env").read_text()
    assert stat.S_IMODE((copy / ".env").stat().st_mode) == 0o600
    settings = read_settings(first)
    assert set(ALL) == set(services(settings))
    passwords = {settings[name] for name in PASSWORDS}
    assert len(passwords) == len(PASSWORDS)
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in passwords)
    (copy / ".env").unlink()
    new_env(copy, "trial")
    assert not passwords & set(read_settings((copy / ".env").read_text()).values())


def test_an_existing_env_is_not_changed(copy: Path) -> None:
    (copy / ".env").write_text("REDIS_PASSWORD=in-use\n")
    refused = new_env(copy, "production")
    assert refused.returncode == 1
    assert ".env exists already" in refused.stderr
    assert (copy / ".env").read_text() == "REDIS_PASSWORD=in-use\n"


@pytest.mark.parametrize("words", [(), ("nonsense",)])
def test_a_new_env_is_either_for_the_trial_or_for_production(copy: Path, words: tuple[str, ...]) -> None:
    assert new_env(copy, *words).returncode == 2
    assert not (copy / ".env").exists()


def test_the_production_env_names_the_values_to_fill_in(copy: Path) -> None:
    assert new_env(copy, "production").returncode == 0
    settings = read_settings((copy / ".env").read_text())
    assert {name for name, value in settings.items() if not value} == {
        "AWS_REGION",
        "ENTRAKEEP_PROVIDER_KEY_ARN",
        "ENTRAKEEP_STORE_URL",
    }
