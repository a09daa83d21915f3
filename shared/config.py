"""The settings: one frozen value, read from the environment once. No other module reads the environment.

This module checks the form of a setting. The code that uses a setting checks that the thing it names exists.
"""

import hashlib
import os
import re
import ssl
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import network
from shared.domain.errors import Code, Refuse

_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOG_FORMATS = ("text", "json")
_LOG_LEVELS = ("debug", "info", "warning", "error")
_P = TypeVar("_P", bound="Place")
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", *network.VARIABLES)
_TO_RUN = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM", "COLORTERM", "NO_COLOR", "COLUMNS")


class Place(BaseSettings):
    """The folder of this machine's files, and the catalog: the settings of commands that use only SQL."""

    model_config = SettingsConfigDict(env_prefix="ENTRAKEEP_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(
        default_factory=lambda: Path.home() / ".entrakeep",
        description="The folder for everything that this machine stores: catalog, store, logs. Must be on a local disk.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="The catalog: `sqlite:////FOLDER/FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.",
    )
    log_format: str = Field(
        "text", description="The format of the logs of beat and workers: `text`, or `json` with one document a line."
    )
    log_level: str = Field(
        "info", description="The lowest level that is logged: `debug`, `info`, `warning` or `error`."
    )

    @field_validator("log_format", "log_level")
    @classmethod
    def _log(cls, value: str, info: ValidationInfo) -> str:
        known = _LOG_FORMATS if info.field_name == "log_format" else _LOG_LEVELS
        if value.lower() not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return value.lower()

    @field_validator("home")
    @classmethod
    def _at_home(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        parts = split_url(value.get_secret_value())
        kind = parts.scheme.partition("+")[0]
        file = parts.path.lstrip("/")
        if kind == "sqlite" and (parts.netloc or file in ("", ":memory:")):
            raise ValueError("must name a file, as in sqlite:////folder/catalog.sqlite3")
        if kind == "sqlite":
            _refuse_rest(parts)
        if kind not in ("sqlite", "postgresql"):
            raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
        return value

    @property
    def catalog_file(self) -> Path | None:
        """Return the SQLite file of the catalog, or None if the catalog is on a server."""
        if self.database_url is None:
            return self.home / "catalog.sqlite3"
        parts = urlsplit(self.database_url.get_secret_value())
        return Path(unquote(parts.path.removeprefix("/"))) if parts.scheme.startswith("sqlite") else None

    @property
    def database(self) -> str:
        """Return the SQLAlchemy URL: that of a SQLite file in the home unless another is set."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        from sqlalchemy import URL  # takes longer to import than a command may take to show its help

        return URL.create("sqlite", database=str(self.catalog_file)).render_as_string()


class Trusting(Place):
    """The settings of processes that speak TLS to others than AWS."""

    ca_bundle: Path | None = Field(
        None,
        description="A PEM file of authorities to trust in addition to the system's, for Graph, signing in and webhook.",
    )

    @field_validator("ca_bundle")
    @classmethod
    def _bundle(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError:
                raise ValueError(f"names no file of certificates in PEM: {value}") from None
        return value


class Settings(Trusting):
    """The settings in the environment (``ENTRAKEEP_…``). URLs may contain passwords, so those are stored as secrets."""

    broker_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis: `redis://[USER][:PASSWORD]@HOST:PORT/NUMBER`, or `rediss://…?ssl_ca_certs=FILE` "
        "for TLS. If none answers on loopback, `entrakeep up` runs one, with a new password unless the URL has one.",
    )
    store_url: str | None = Field(
        None, description="The sealed blobs: `s3://BUCKET/PREFIX` or `file:///FOLDER`. Write `?` as `%3F`."
    )
    store_conditional_writes: bool = Field(
        True,
        description="`off` for a store without `If-None-Match`; [stores.md](stores.md) names the consequence.",
    )
    provider_key_arn: str = Field(
        description="The ARN of the operator's AWS KMS key. It wraps the data keys of tenants without a key of their own."
    )
    graph_url: str = Field(
        "https://graph.microsoft.com",
        description="Microsoft Graph. [environments.md](environments.md) has the URLs of national clouds.",
    )
    authority_url: str = Field("https://login.microsoftonline.com", description="The sign-in service of that Graph.")
    key_lease_seconds: float = Field(
        60.0, description="How long unwrapped data keys may be used before KMS is asked again: from 1 to 60 seconds."
    )
    key_probe_seconds: float = Field(
        60.0, description="The interval between two probes of a tenant's KMS key: from 1 to 86400 seconds."
    )
    key_webhook_url: SecretStr | None = Field(
        None,
        description="The URL that receives changes of keys and backups: `https://HOST/PATH`, or `http://` on loopback.",
    )

    smtp_url_file: Path | None = Field(
        None,
        description="A file with the mail server for notices: `smtps://USER:PASSWORD@HOST?from=ADDRESS`, or `smtp://` for "
        "STARTTLS and, on loopback, without TLS. Workers read it for each mail.",
    )

    @field_validator("smtp_url_file")
    @classmethod
    def _smtp(cls, value: Path | None) -> Path | None:
        if value is not None and not os.access(value, os.R_OK):
            raise ValueError(f"names a file that cannot be read: {value}")
        return value

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: SecretStr) -> SecretStr:
        parts = split_url(value.get_secret_value())
        number = parts.path.strip("/")
        if parts.scheme not in ("redis", "rediss") or not parts.hostname or not (number == "" or number.isdecimal()):
            raise ValueError("must be redis://[:PASSWORD@]HOST:PORT/NUMBER")
        return value

    @field_validator("provider_key_arn")
    @classmethod
    def _key_arn(cls, value: str) -> str:
        if not _ARN.fullmatch(value):
            raise ValueError("is not the ARN of an AWS KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)")
        return value

    @field_validator("graph_url", "authority_url")
    @classmethod
    def _https(cls, value: str) -> str:
        parts = split_url(value)
        plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
        if parts.scheme != "https" or not parts.hostname or not plain:
            raise ValueError("must be https://HOST or https://HOST:PORT, without a path")
        return value.rstrip("/")

    @field_validator("store_url")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        parts = split_url(value or "file:///x")
        bucket = parts.scheme == "s3" and parts.netloc
        folder = parts.scheme == "file" and parts.netloc in ("", "localhost") and len(unquote(parts.path)) > 1
        if not (bucket or folder):
            raise ValueError("must be s3://bucket/prefix or file:///folder")
        _refuse_rest(parts)
        return value

    @field_validator("key_lease_seconds")
    @classmethod
    def _lease(cls, value: float) -> float:
        if not 1.0 <= value <= 60.0:
            raise ValueError("must be from 1 to 60 seconds")
        return value

    @field_validator("key_probe_seconds")
    @classmethod
    def _probe(cls, value: float) -> float:
        if not 1.0 <= value <= 86_400.0:
            raise ValueError("must be from 1 to 86400 seconds")
        return value

    @field_validator("key_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        parts = split_url(value.get_secret_value())
        near = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (near or parts.scheme == "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be https://HOST/PATH, or http:// on loopback")
        return value

    @property
    def store(self) -> str:
        """Return the store's URL: a folder in the home unless another is set."""
        return self.store_url or (self.home / "store").absolute().as_uri()

    @property
    def catalog_name(self) -> str:
        """Return a short name of the catalog, the same in every process that uses it.

        Catalogs that share a broker must not take each other's messages. A file is named by its path, a database on a
        server by its name, whatever its host is called.
        """
        file = self.catalog_file
        place = urlsplit(self.database).path if file is None else str(file.absolute())
        return hashlib.sha256(os.fsencode(place)).hexdigest()[:8]


def read_settings() -> Settings:
    """Return the settings. Raise Refuse ``SETTINGS_INVALID`` that names every missing or wrong one at once.

    Proxies and certificates that libraries read from the environment are checked too, because they would cause other
    exceptions later.
    """
    return read(Settings, network.faults(os.environ))


def read_place() -> Place:
    """Return only home and catalog. Raise as ``read_settings``."""
    return read(Place, [])


def read(kind: type[_P], wrong: list[str]) -> _P:
    """Return the settings of this kind. Raise Refuse ``SETTINGS_INVALID`` that names ``wrong`` and what else is."""
    try:
        settings = kind()
    except ValidationError as error:
        wrong = wrong + [
            f"ENTRAKEEP_{'_'.join(map(str, e['loc'])).upper()} {_reason(e['type'], e['msg'])}" for e in error.errors()
        ]
    if wrong:
        raise Refuse(Code.SETTINGS_INVALID, "Set these in the environment: " + "; ".join(sorted(wrong)) + ".")
    return settings


def aws_region() -> str | None:
    """Return the AWS Region where no ARN names one. None leaves it to boto3, which reads only AWS_DEFAULT_REGION."""
    return os.environ.get("AWS_REGION") or None


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for our child processes: our settings, AWS's, and what programs need to run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(("AWS_", "ENTRAKEEP_", "PYTHON"))
    }
    return {**kept, "ENTRAKEEP_HOME": str(settings.home.absolute())}


def bare_environment() -> dict[str, str]:
    """Return what a program needs to run and to draw on the terminal, without our settings, AWS's, or a proxy."""
    return {name: value for name, value in os.environ.items() if name in _TO_RUN or name.startswith("PYTHON")}


def split_url(url: str) -> SplitResult:
    """Return the URL's parts. Raise ValueError, without the URL in its text, if the port is invalid."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL: its port is no number from 1 to 65535") from None
    return parts


def _refuse_rest(parts: SplitResult) -> None:
    """Raise ValueError for a URL of a file or bucket with a query or fragment, which would be ignored."""
    if parts.query or parts.fragment:
        raise ValueError("has a '?' or '#': write '?' as %3F and '#' as %23")


def _reason(kind: str, text: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "bool_parsing":
        return "must be on or off"
    return "must be a number of seconds" if kind == "float_parsing" else text.removeprefix("Value error, ")
