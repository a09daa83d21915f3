"""The help pages: one template for each topic."""

from typing import TYPE_CHECKING

from console.web.page import Page
from shared.domain.access import RULES, Role
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from console.web.page import Ask

TOPICS = {
    "start": "Getting started",
    "sign-in": "Signing in, and getting back in",
    "roles": "Roles and what they may do",
    "states": "States and what they mean",
    "keyboard": "Keyboard, theme and rows",
    "keys": "A KMS key of your own",
    "revoked": "When a key is revoked",
}
"""Each topic's title by the name of its template."""
_STATES = {
    "succeeded": "The job did all that it should. Also: fresh, whole, ok, enabled.",
    "succeeded_with_warnings": "The job ended, and its report names what is missing. Also: late, overdue.",
    "failed": "The job ended without a result, and says why and who must act. Also: forbidden, damaged.",
    "running": "A worker is at it.",
    "queued": "It waits for a worker, or for its turn.",
    "cancelled": "Somebody ended it. Also: paused.",
    "revoked": "KMS refuses the tenant's key. Also: held, for work that waits until it answers.",
    "unknown": "Nothing is known about it, as when a service does not answer.",
    "unlicensed": "The directory has no licence for the resource, so it has nothing to back up.",
}


def contents(_: "Ask") -> Page:
    """List the topics."""
    return Page(template="help/contents.html", values={"topics": TOPICS})


def topic(ask: "Ask") -> Page:
    """Show one topic."""
    name = ask.path["topic"]
    if name not in TOPICS:
        raise Refuse(Code.WRONG_USE, "There is no help page of this name.")
    values = {
        "topics": TOPICS,
        "topic": name,
        "states": _STATES,
        "roles": list(Role),
        "rules": [(action, rule) for action, rule in RULES.items() if rule.roles],
        "granted": {action: frozenset(role.value for role in rule.roles) for action, rule in RULES.items()},
    }
    return Page(template=f"help/{name}.html", values=values)
