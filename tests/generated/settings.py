"""``docs/settings.md``, made from the class that reads the settings."""

from pathlib import Path

from pydantic import SecretStr

from shared.config import Place, Settings
from tests.pages import TOP

PAGE = TOP / "docs" / "settings.md"
_IN_HOME = {"database_url": "`catalog.sqlite3` in the home", "store_url": "the folder `store` in the home"}
_TOP = """# Settings

Every setting is a variable of the environment and is read once, when a command or a part of the stack starts. What is missing
or wrong ends it with `SETTINGS_INVALID`, which names every such variable at once. `entrakeep up` hands the settings on to the
processes that it starts. This page is made from the class that reads them.

## Entrakeep's own

Commands that ask the catalog alone (lists, schedules, audit) need only those of the first table.

"""
_OF_OTHERS = """
## Read by the libraries

| variable | what it says |
| --- | --- |
"""
_AWS = {
    "`AWS_REGION`": "the Region where no ARN says one: of the bucket and of STS; else `AWS_DEFAULT_REGION`",
    "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`": "credentials, unless the machine has a role",
    "`AWS_PROFILE`": "the profile in AWS's own files that has them",
    "`AWS_REQUEST_CHECKSUM_CALCULATION`": "`when_required` for a store that takes no checksums ([stores.md](stores.md))",
    "`AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`": "endpoints of a VPC, or of another store",
}
_NETWORK = {
    "HTTPS_PROXY": "the proxy to Graph, sign-in, AWS and webhook: `http://[USER:PASSWORD@]HOST:PORT`; not SOCKS",
    "HTTP_PROXY": "the same for plain HTTP, which only simulators speak",
    "ALL_PROXY": "the same for what has none of its own; `HTTPS_PROXY` is needed too, as the AWS client reads no other",
    "NO_PROXY": "hosts to reach without a proxy, separated by commas",
    "SSL_CERT_FILE": "a PEM file of authorities in place of the system's",
    "SSL_CERT_DIR": "the same as a folder",
    "REQUESTS_CA_BUNDLE": "a PEM file of authorities for the sign-in and, unless `AWS_CA_BUNDLE` is set, for AWS",
    "CURL_CA_BUNDLE": "the same, for the sign-in alone",
    "AWS_CA_BUNDLE": "a PEM file of authorities for AWS",
}
_END = """
Proxies are also read from names in lower case. All of these are checked with the settings, and named if they are wrong.
"""


def text() -> str:
    """Return the whole page."""
    own = {name: field for name, field in Settings.model_fields.items() if name not in Place.model_fields}
    network = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in _NETWORK.items())
    return "".join(
        (
            _TOP,
            _table(Place.model_fields),
            "\nThe others are needed by what uses a key, the store, a directory or Redis.\n\n",
            _table(own),
            _OF_OTHERS,
            "".join(f"| {names} | {meaning} |\n" for names, meaning in _AWS.items()),
            network,
            _END,
        )
    )


def _table(fields: dict[str, object]) -> str:
    rows = (f"| `ENTRAKEEP_{name.upper()}` | {_meaning(name)} | {_default(name)} |\n" for name in fields)
    return "| variable | what it says | if it is not set |\n| --- | --- | --- |\n" + "".join(rows)


def _meaning(name: str) -> str:
    text = Settings.model_fields[name].description
    assert text, f"give {name} a description in shared/config.py"
    return text.replace("|", "\\|")


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if name in _IN_HOME:
        return _IN_HOME[name]
    if field.is_required():
        return "**must be set**"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, Path):
        return f"`~/{value.relative_to(Path.home())}`"
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f"`{text:g}`" if isinstance(text, float) else f"`{text}`"
