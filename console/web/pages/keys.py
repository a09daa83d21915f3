"""Settings > Enterprise Key Management: the state of the tenant's key, the policy for it, its history, and permission."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from console.documents.keys import KeyDocument, PolicyDocument, key_document, key_event, policy_document
from console.web import commands
from console.web.page import Page
from console.web.pages.key_words import own_key, person_of, spaced
from shared.domain.access import Action
from shared.domain.arns import clean_arn
from shared.domain.errors import Refuse
from shared.domain.jobs import Job, JobState, KeyChangeProgress
from shared.domain.key_checks import VALID_FOR
from shared.domain.key_health import days_of
from shared.domain.model import KeyMode
from shared.engine.requests import customer_keys

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.ports.catalog.customer_keys import KeySummary

FORMS = {
    "console": "Console steps",
    "statements": "Statements",
    "cli": "AWS CLI",
    "cloudformation": "CloudFormation",
    "terraform": "Terraform",
}
"""The forms of the policy, each with its tab's label."""
_DAYS = 90


@dataclass(frozen=True)
class KeyPage:
    """What the page shows to one visitor."""

    ask: "Ask"
    summary: "KeySummary"

    @cached_property
    def document(self) -> KeyDocument:
        """Return the document of the key, as ``key show --json`` prints it, without history."""
        assert self.ask.health is not None
        return key_document(self.summary.tenant, self.summary.keys, self.ask.health, (), summary=self.summary)

    @property
    def active(self) -> bool:
        """Return True if the tenant has a key of its own, or may have one."""
        return self.summary.allowed_at is not None or self.summary.tenant.key_mode is KeyMode.CUSTOMER

    def values(self) -> dict[str, Any]:
        """Return the values of the template."""
        ask, document = self.ask, self.document
        arn = clean_arn(ask.query.text("arn"))
        policy, problem = self._policy(arn)
        may = {
            action.name.lower(): ask.visitor.may(action, ask.of_tenant.tenant_id)
            for action in (Action.KEY_ALLOW, Action.KEY_ENABLE, Action.KEY_UPDATE, Action.KEY_CHECK)
        }
        return {
            "key": document,
            "own": own_key(document),
            "switched_at": self.summary.keys.switched_at,
            "active": self.active,
            "may": may,
            "base": base_of(ask),
            "arn": arn,
            "policy": policy,
            "policy_problem": problem,
            "policy_form": chosen_form(ask),
            "policy_forms": FORMS,
            "policy_text": _text(policy, chosen_form(ask)) if policy else "",
            "statements": _text(policy, "statements") if policy else "",
            "account": spaced(policy.account) if policy else "",
            "before": {each: count for each, count in document.data_keys.items() if each != document.arn},
            "passed": self._passed(),
            "checked_now": self._checked(),
            "commands": commands,
            "time": datetime.fromisoformat,
            "person_of": person_of,
            "step": None,
        }

    def _policy(self, arn: str) -> tuple[PolicyDocument | None, Refuse | None]:
        """Return the policy for the key, and why the ARN does not fit or no policy can be shown, if so."""
        if not self.active:
            return None, None
        workers = customer_keys.callers_of(self.ask.catalog, self.ask.now)
        try:
            return policy_document(customer_keys.policy_for(self.ask.of_tenant, workers, arn or None)), None
        except Refuse as refusal:
            bare = policy_document(customer_keys.policy_for(self.ask.of_tenant, workers)) if workers else None
            return bare, refusal

    def _passed(self) -> Job | None:
        """Return the latest check if it passed a short while ago and nobody has asked to change to its key yet."""
        latest = next((job for job in self.summary.checks if job.state.ended), None)
        if latest is None or latest.state is not JobState.SUCCEEDED or latest.finished_at is None:
            return None
        asked_for = [
            change.detail.check for change in self.summary.changes if isinstance(change.detail, KeyChangeProgress)
        ]
        fresh = self.ask.now - latest.finished_at <= VALID_FOR
        still_operators = self.summary.tenant.key_mode is KeyMode.PROVIDER
        return latest if fresh and still_operators and latest.job_id not in asked_for else None

    def _checked(self) -> Job | None:
        """Return the check of the current key that the visitor has just asked for."""
        job_id = self.ask.query.text("check")
        if not job_id:
            return None
        try:
            return self.ask.catalog.tenant(self.ask.of_tenant.tenant_id).jobs.get(job_id)
        except Refuse:
            return None


def show(ask: "Ask") -> Page | Response:
    """Show the state of the tenant's key, and what its owner needs.

    htmx asks for a part alone while it moves: the whole page comes anew once that has ended.
    """
    values = key_page(ask).values()
    problem = values["policy_problem"]
    part = {"change": "change", "checked": "checked"}.get(ask.query.text("part"))
    moving = values["checked_now"] if part == "checked" else values["key"].change
    if part is not None and ask.from_htmx and (moving is None or moving.state.ended):
        return Response(headers={"hx-refresh": "true"})
    status = 422 if problem is not None and values["arn"] else 200
    return Page(template="keys/page.html", values=values, fragment=part, status=status)


def history(ask: "Ask") -> Page:
    """Show the history of the key's health: a bar of 90 days and the list of changes."""
    tenant = ask.of_tenant
    events = ask.catalog.tenant(tenant.tenant_id).health.history()
    values = {
        "history": [key_event(event) for event in events],
        "days": days_of(events, tenant.created_at, ask.now, _DAYS),
        "base": base_of(ask),
        "commands": commands,
        "time": datetime.fromisoformat,
    }
    return Page(template="keys/history.html", values=values)


def allow(ask: "Ask") -> Response:
    """Allow the tenant a key of its own."""
    customer_keys.allow_key(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return RedirectResponse(base_of(ask), 303)


def take_back(ask: "Ask") -> Response:
    """Take the permission for an own key back."""
    customer_keys.disallow_key(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return RedirectResponse(base_of(ask), 303)


def check(ask: "Ask") -> Response:
    """Ask a worker to use the current key once, and show the result on the same page."""
    job = customer_keys.check_key(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return RedirectResponse(f"{base_of(ask)}?check={job.job_id}#checked", 303)


def retry(ask: "Ask") -> Response:
    """Request the change that failed again."""
    customer_keys.retry_change(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return RedirectResponse(base_of(ask), 303)


def key_page(ask: "Ask") -> KeyPage:
    """Return what the page shows. Raise Refuse ``NO_SUCH_TENANT``."""
    return KeyPage(ask, ask.catalog.tenant(ask.of_tenant.tenant_id).customer_keys.summary())


def base_of(ask: "Ask") -> str:
    """Return the path of the tenant's page about its key."""
    return f"/t/{ask.of_tenant.name}/settings/key-management"


def chosen_form(ask: "Ask") -> str:
    """Return the form of the policy that the visitor chose: a name of ``FORMS``."""
    form = ask.query.text("form")
    return form if form in FORMS else "console"


def _text(policy: PolicyDocument, form: str) -> str:
    """Return the policy in one of its forms, to be copied."""
    if form == "statements":
        return json.dumps(policy.statements, indent=2)
    text: str = getattr(policy, form)
    return text
