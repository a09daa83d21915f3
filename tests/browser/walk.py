"""Every page of the console: the GET routes of its table, with parameters of the filled installation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from console.web.pages.help_pages import TOPICS
from console.web.routes import ROUTES
from tests.browser.filled import TENANTS, WELL
from tests.browser.stack import Stack

_NO_PAGES = re.compile(
    r"/(static|live|api/v1)/|^/(healthz|readyz|metrics|favicon\.ico|api/openapi\.json)$|/(export|options|provider|return)$"
)
"""Routes that answer with a file, a stream, JSON or a word, and those that lead to the sign-in provider."""
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


DIALOG = re.compile(r"/settings/key-management/(enable|update)")
"""Steps that a tenant which is past them answers with a refusal."""
_STATEFUL = re.compile(r"^/t/\{name\}(/snapshots|/jobs|/settings/key-management|/settings/connection)?$")
"""Pages that look different for each tenant."""


@dataclass(frozen=True)
class Address:
    """A page to look at."""

    name: str
    """Short, for the name of a picture."""
    path: str


def addresses(stack: Stack) -> Iterator[Address]:
    """Yield every page: those of tenants once for each tenant that has what the page shows."""
    for topic in TOPICS:
        yield Address(f"help-{topic}", f"/help/{topic}")
    values_of = {tenant: _values(stack, tenant) for tenant in TENANTS}
    for path in _paths():
        for tenant in TENANTS if _STATEFUL.search(path) else (WELL,):
            values = values_of[tenant]
            if "/key-management/" in path:
                values = values | {"job": values["check"]}
            if all(values.get(name) for name in _PARAMETER.findall(path)):
                filled = _PARAMETER.sub(lambda match, values=values: values[match[1]], path)  # type: ignore[misc]
                name = re.sub("[{}]", "", path.replace("{name}", tenant)).strip("/").replace("/", "-")
                yield Address(name or "home", filled)


def unknown_parameters(stack: Stack) -> set[str]:
    """Return the parameters of paths in whose place the walk has nothing."""
    return {name for path in _paths() for name in _PARAMETER.findall(path)} - set(_values(stack, WELL))


def _paths() -> list[str]:
    """Return the paths of all pages."""
    paths = dict.fromkeys(route.path for route in ROUTES if route.method == "GET")
    return [path for path in paths if not _NO_PAGES.search(path) and "{topic}" not in path]


def _values(stack: Stack, tenant: str) -> dict[str, str]:
    """Return what stands in place of a path's parameters for a tenant. Empty where the tenant has no such thing."""
    snapshots = stack.document("snapshots", tenant)
    jobs = stack.document("jobs", "list", "--tenant", tenant)
    checks = [job["id"] for job in jobs if job["kind"] == "key-check"]
    return {
        "name": tenant,
        "handle": "ana",
        "snapshot": snapshots[0]["id"] if snapshots else "",
        "job": jobs[0]["id"] if jobs else "",
        "check": checks[0] if checks else "",
    }
