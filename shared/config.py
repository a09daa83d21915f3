"""The settings: one frozen value, read from the environment once, here and nowhere else."""

import os
import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.errors import Code, Refuse

_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
_P = TypeVar("_P", bound="Place")
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
)
_TO_RUN = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM", "COLORTERM", "NO_COLOR", "COLUMNS")


class Place(BaseSettings):
    """Where things stand on this machine, and the catalog: all that commands need which ask SQL alone."""

    model_config = SettingsConfigDict(env_prefix="ENTRAKEEP_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".entrakeep")
    database_url: SecretStr | None = None

    @property
    def database(self) -> str:
        """The SQLAlchemy URL; a SQLite file in the home unless set."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'catalog.sqlite3'}"


class Settings(Place):
    """What the environment says (``ENTRAKEEP_…``). URLs may hold passwords, so those are kept as secrets."""

    broker_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    store_url: str | None = None
    provider_key_arn: str
    graph_url: str = "https://graph.microsoft.com"
    authority_url: str = "https://login.microsoftonline.com"
    ca_bundle: Path | None = None
    key_lease_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)

    @field_validator("provider_key_arn")
    @classmethod
    def _key_arn(cls, value: str) -> str:
        if not _ARN.fullmatch(value):
            raise ValueError("is not the ARN of an AWS KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)")
        return value

    @field_validator("graph_url", "authority_url")
    @classmethod
    def _https(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be https://HOST or https://HOST:PORT, without a path")
        return value.rstrip("/")

    @field_validator("store_url")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("s3", "file"):
            raise ValueError("must be s3://bucket/prefix or file:///folder")
        return value

    @field_validator("ca_bundle")
    @classmethod
    def _bundle(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names no file: {value}")
        return value

    @property
    def store(self) -> str:
        """The store's URL; a folder in the home unless set."""
        return self.store_url or (self.home / "store").absolute().as_uri()


def read_settings() -> Settings:
    """The settings. Raises Refuse ``SETTINGS_INVALID`` with every missing or wrong one named at once."""
    return _read(Settings)


def read_place() -> Place:
    """Home and catalog alone. Raises as ``read_settings``."""
    return _read(Place)


def _read(kind: type[_P]) -> _P:
    try:
        return kind()
    except ValidationError as error:
        wrong = [
            f"ENTRAKEEP_{'_'.join(map(str, e['loc'])).upper()} {_reason(e['type'], e['msg'])}" for e in error.errors()
        ]
        raise Refuse(Code.SETTINGS_INVALID, "Set these in the environment: " + "; ".join(sorted(wrong)) + ".") from None


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment that processes of ours are started with: our settings, AWS's, and what programs need to run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(("AWS_", "ENTRAKEEP_", "PYTHON"))
    }
    return {**kept, "ENTRAKEEP_HOME": str(settings.home.absolute())}


def bare_environment() -> dict[str, str]:
    """What a program needs to run and to draw on the terminal: no setting of ours or of AWS's, and no proxy."""
    return {name: value for name, value in os.environ.items() if name in _TO_RUN or name.startswith("PYTHON")}


def _reason(kind: str, text: str) -> str:
    return "is missing" if kind == "missing" else text.removeprefix("Value error, ")
