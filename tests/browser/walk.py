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


@dataclass(frozen=True)
class Address:
    """A page to look at."""

    name: str
    """Short, for the name of a picture."""
    path: str


def addresses(stack: Stack) -> Iterator[Address]:
    """Yield every page: those of tenants once for each tenant that has what the page shows."""
    values_of = {tenant: _values(stack, tenant) for tenant in TENANTS}
    for topic in TOPICS:
        yield Address(f"help-{topic}", f"/help/{topic}")
    for path in dict.fromkeys(route.path for route in ROUTES if route.method == "GET"):
        if _NO_PAGES.search(path) or "{topic}" in path:
            continue
        for tenant in TENANTS if "{name}" in path else (WELL,):
            values, needed = values_of[tenant], _PARAMETER.findall(path)
            unknown = set(needed) - set(values)
            assert not unknown, f"the walk has nothing for {unknown} of {path}"
            if all(values[name] for name in needed):
                filled = _PARAMETER.sub(lambda match, values=values: values[match[1]], path)  # type: ignore[misc]
                name = path.replace("{name}", tenant).strip("/{}").replace("/", "-")
                yield Address(re.sub("[{}]", "", name) or "home", filled)


def _values(stack: Stack, tenant: str) -> dict[str, str]:
    """Return what stands in place of a path's parameters for a tenant. Empty where the tenant has no such thing."""
    snapshots = stack.document("snapshots", tenant)
    jobs = stack.document("jobs", "list", "--tenant", tenant)
    return {
        "name": tenant,
        "snapshot": snapshots[0]["id"] if snapshots else "",
        "job": jobs[0]["id"] if jobs else "",
    }
