"""The settings of the web console, read from the environment like those of ``config``."""

import ipaddress
import os
import ssl
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from shared import network
from shared.config import LOOPBACK, Trusting, read, split_url


class WebSettings(Trusting):
    """The settings of the web console."""

    web_url: str = Field(
        "http://localhost:8088",
        description="The address of the console in browsers: `https://HOST`, or `http://localhost:PORT` on this machine "
        "alone. It answers under no other name.",
    )
    web_proxies: str = Field(
        "",
        description="Addresses or networks of the proxies in front of the console, separated by commas. `X-Forwarded-For` "
        "and `X-Forwarded-Proto` count from these alone. Without TLS, nobody else off this machine is answered.",
    )
    web_listen: str = Field(
        "127.0.0.1:8088",
        description="Where the console listens: `HOST:PORT`. Off loopback, `ENTRAKEEP_WEB_URL` must be `https://…`, or "
        "`ENTRAKEEP_WEB_PROXIES` must name who may connect, as for a port that Docker forwards.",
    )
    web_certificate: Path | None = Field(
        None, description="A PEM file with the console's certificate and its chain, for TLS without a proxy."
    )
    web_key: Path | None = Field(None, description="The PEM file with the private key of that certificate.")
    oidc_issuer: str | None = Field(
        None,
        description="The OpenID Connect provider to sign in with: for Microsoft Entra "
        "`https://login.microsoftonline.com/TENANT/v2.0`, where `TENANT` may be `organizations`.",
    )
    oidc_client_id: str | None = Field(None, description="The id of the console's application at that provider.")
    oidc_client_secret_file: Path | None = Field(None, description="A file with the client secret of that application.")
    oidc_certificate: Path | None = Field(
        None, description="Instead of a secret: a PEM file with the application's certificate and private key."
    )
    flower_url: str | None = Field(None, description="The address of Flower, to which job pages link for operators.")

    @field_validator("web_url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = split_url(value)
        plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
        near = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not plain or not parts.hostname or not (near or parts.scheme == "https"):
            raise ValueError("must be https://HOST or https://HOST:PORT, or http:// on loopback, without a path")
        return value.rstrip("/")

    @field_validator("web_listen")
    @classmethod
    def _listen(cls, value: str, info: ValidationInfo) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise ValueError("must be HOST:PORT")
        exposed = host.strip("[]") not in LOOPBACK and not info.data.get("web_url", "https:").startswith("https:")
        if exposed and not info.data.get("web_proxies", "any"):
            raise ValueError("is not on loopback, so ENTRAKEEP_WEB_URL must be https://HOST")
        return value

    @field_validator("web_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        try:
            return ",".join(str(ipaddress.ip_network(each.strip())) for each in value.split(",") if each.strip())
        except ValueError:
            raise ValueError("must be addresses or networks, separated by commas") from None

    @field_validator("web_certificate", "web_key", "oidc_client_secret_file", "oidc_certificate")
    @classmethod
    def _file(cls, value: Path | None) -> Path | None:
        if value is not None and not os.access(value, os.R_OK):
            raise ValueError(f"names a file that cannot be read: {value}")
        return value

    @field_validator("web_key")
    @classmethod
    def _pair(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("web_certificate")
        if (value is None) != (certificate is None):
            raise ValueError("and ENTRAKEEP_WEB_CERTIFICATE must be set together")
        if value is not None and certificate is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, value)
            except (OSError, ssl.SSLError):
                raise ValueError("is not the private key of ENTRAKEEP_WEB_CERTIFICATE, both in PEM") from None
        return value

    @field_validator("oidc_issuer", "flower_url")
    @classmethod
    def _address(cls, value: str | None, info: ValidationInfo) -> str | None:
        parts = split_url(value or "https://x")
        near = parts.scheme == "http" and parts.hostname in LOOPBACK and info.field_name == "flower_url"
        if not (near or parts.scheme == "https") or not parts.hostname or parts.query or parts.fragment:
            either = ", or http:// on loopback" if info.field_name == "flower_url" else ""
            raise ValueError(f"must be https://HOST/PATH{either}")
        return value

    @field_validator("oidc_certificate")
    @classmethod
    def _provider(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        data = info.data
        if data.get("oidc_issuer") is not None:
            if data.get("oidc_client_id") is None:
                raise ValueError("or a secret is of no use without ENTRAKEEP_OIDC_CLIENT_ID, which must be set")
            if (value is None) == (data.get("oidc_client_secret_file") is None):
                raise ValueError(
                    "or ENTRAKEEP_OIDC_CLIENT_SECRET_FILE must be set with ENTRAKEEP_OIDC_ISSUER, not both"
                )
        return value

    @property
    def web_address(self) -> tuple[str, int]:
        """Return host and port to listen at."""
        host, _, port = self.web_listen.rpartition(":")
        return host.strip("[]"), int(port)


def read_web_settings() -> WebSettings:
    """Return the settings of the web console. Raise as ``config.read_settings``."""
    return read(WebSettings, network.faults(dict(os.environ)))
