"""Generate ``docs/settings.md`` from the class that reads the settings."""

from pathlib import Path

from pydantic import SecretStr

from shared.config import Place, Settings
from shared.web_config import WebSettings
from tests.pages import TOP

PAGE = TOP / "docs" / "settings.md"
_FIELDS = {**Settings.model_fields, **WebSettings.model_fields}
_IN_HOME = {"database_url": "`catalog.sqlite3` in the home", "store_url": "the folder `store` in the home"}
_TOP = """# Settings

Every setting is a variable of the environment. A command, or a part of the stack, reads its settings once, when it starts.
If a setting is missing or wrong, it ends with `SETTINGS_INVALID` and names every such variable. `entrakeep up` passes the
settings on to the processes that it starts. This page is generated from the class that reads the settings.

## Entrakeep's own

Commands that read only the catalog (lists, schedules, audit) need only the settings of the first table.

"""
_WEB = """
## The web console

`entrakeep web`, and the console that `entrakeep up` runs, read these, `ENTRAKEEP_CA_BUNDLE` and the first table.
[deploy.md](deploy.md) shows TLS and a proxy.

"""
_OF_OTHERS = """
## Read by the libraries

| variable | meaning |
| --- | --- |
"""
_AWS = {
    "`AWS_REGION`": "the Region of the bucket and of STS, which no ARN names; otherwise `AWS_DEFAULT_REGION` is read",
    "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`": "credentials, unless the machine has a role",
    "`AWS_PROFILE`": "the profile with the credentials, in AWS's own files",
    "`AWS_REQUEST_CHECKSUM_CALCULATION`": "`when_required` for a store that refuses checksums ([stores.md](stores.md))",
    "`AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`": "endpoints of a VPC, or of another store",
}
_NETWORK = {
    "HTTPS_PROXY": "the proxy to Graph, sign-in, AWS and webhook: `http://[USER:PASSWORD@]HOST:PORT`; not SOCKS",
    "HTTP_PROXY": "the same for plain HTTP, which only simulators speak",
    "ALL_PROXY": "the same for protocols without their own variable; set `HTTPS_PROXY` too: the AWS client reads no other",
    "NO_PROXY": "hosts to reach without the proxy, separated by commas",
    "SSL_CERT_FILE": "a PEM file of authorities that replaces the system's",
    "SSL_CERT_DIR": "the same, as a folder",
    "REQUESTS_CA_BUNDLE": "a PEM file of authorities for the sign-in and, unless `AWS_CA_BUNDLE` is set, for AWS",
    "CURL_CA_BUNDLE": "the same, for the sign-in alone",
    "AWS_CA_BUNDLE": "a PEM file of authorities for AWS",
}
_END = """
Proxies are also read from names in lower case. All of these are checked with the settings. Wrong ones are named.
"""


def text() -> str:
    """Return the whole page."""
    own = {name: field for name, field in Settings.model_fields.items() if name not in Place.model_fields}
    web = {name: field for name, field in WebSettings.model_fields.items() if name not in Settings.model_fields}
    network = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in _NETWORK.items())
    return "".join(
        (
            _TOP,
            _table(Place.model_fields),
            "\nThe others are needed to use a key, the store, a directory or Redis.\n\n",
            _table(own),
            _WEB,
            _table(web),
            _OF_OTHERS,
            "".join(f"| {names} | {meaning} |\n" for names, meaning in _AWS.items()),
            network,
            _END,
        )
    )


def _table(fields: dict[str, object]) -> str:
    rows = (f"| `ENTRAKEEP_{name.upper()}` | {_meaning(name)} | {_default(name)} |\n" for name in fields)
    return "| variable | meaning | if it is not set |\n| --- | --- | --- |\n" + "".join(rows)


def _meaning(name: str) -> str:
    text = _FIELDS[name].description
    assert text, f"give {name} a description in shared/config.py"
    return text.replace("|", "\\|")


def _default(name: str) -> str:
    field = _FIELDS[name]
    if name in _IN_HOME:
        return _IN_HOME[name]
    if field.is_required():
        return "**must be set**"
    value = field.get_default(call_default_factory=True)
    if value in (None, ""):
        return "none"
    if isinstance(value, Path):
        return f"`~/{value.relative_to(Path.home())}`"
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f"`{text:g}`" if isinstance(text, float) else f"`{text}`"
