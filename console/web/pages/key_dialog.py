"""The dialog "Update KMS key ARN": the ARN, the fourteen checks, and for a first key the terms. Each step has its address."""

from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from console.documents.key_jobs import NewKeyDocument, new_key
from console.web import commands
from console.web.errors import problem_of
from console.web.page import Page
from console.web.pages.key_words import CHECKS, OUTCOMES, paragraphs
from console.web.pages.keys import base_of, key_page
from shared.domain.arns import account_of, clean_arn, is_alias, is_key_arn
from shared.domain.errors import Code, Refuse
from shared.domain.key_checks import checked_key
from shared.engine.key_management.terms import present_terms
from shared.engine.requests import customer_keys
from shared.engine.requests.jobs import cancel_job

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.domain.jobs import Job

_TOO_LATE = "The terms have got a new version since you read them. Read this one, then agree to it."


def enable(ask: "Ask") -> Page:
    """Show the first step of enabling: the field for the ARN."""
    return _arn_page(ask, "enable")


def rehearse(ask: "Ask") -> Page:
    """Show the first step of a rehearsal, which changes nothing."""
    return _arn_page(ask, "rehearse")


def update(ask: "Ask") -> Page:
    """Show the only field of a change to another own key."""
    return _arn_page(ask, "update")


def next_enable(ask: "Ask") -> Page | Response:
    """Request the checks of the key to enable."""
    return _request(ask, "enable", customer_keys.check_key_to_enable)


def next_rehearse(ask: "Ask") -> Page | Response:
    """Request the checks of a rehearsal: of a first key, or of the next one."""
    return _request(ask, "rehearse", customer_keys.rehearse_key)


def save_update(ask: "Ask") -> Page | Response:
    """Request the checks, after which the change to another own key begins by itself."""
    return _request(ask, "update", customer_keys.check_and_update_key)


def enable_checks(ask: "Ask") -> Page:
    """Show the checks of the key to enable, and once all have passed what they found."""
    return _checks_page(ask, "enable")


def rehearse_checks(ask: "Ask") -> Page:
    """Show the checks of a rehearsal."""
    return _checks_page(ask, "rehearse")


def update_checks(ask: "Ask") -> Page:
    """Show the checks of the key to change to."""
    return _checks_page(ask, "update")


def cancel_update(ask: "Ask") -> Response:
    """Cancel the checks, so that no change begins."""
    cancel_job(ask.catalog, ask.visitor.actor, _job(ask).job_id)
    return RedirectResponse(base_of(ask), 303)


def save_enable(ask: "Ask") -> Response:
    """Keep the key that has passed its checks, if the check still permits the change."""
    checked_key(_job(ask), ask.of_tenant.tenant_id, ask.now)
    return RedirectResponse(f"{_step(ask)}/saved", 303)


def saved(ask: "Ask") -> Page:
    """Show the key that was saved, and the way to the terms."""
    arn = checked_key(_job(ask), ask.of_tenant.tenant_id, ask.now)
    return _page(ask, "saved", {"saved_arn": arn, "action": _step(ask)})


def terms(ask: "Ask") -> Page:
    """Show the terms: version, whole text and digest."""
    return _terms_page(ask)


def agree(ask: "Ask") -> Page | Response:
    """Record that the person agrees to the terms that were shown, and ask for the change."""
    if ask.form.text("sha256") != present_terms().sha256:
        return _terms_page(ask, _TOO_LATE)
    name, actor = ask.of_tenant.name, ask.visitor.actor
    customer_keys.enable_key(ask.catalog, actor, name, ask.path["job"], ask.now, ask.form.text("arn"))
    return RedirectResponse(base_of(ask), 303)


def _arn_page(ask: "Ask", kind: str, refusal: Refuse | None = None) -> Page:
    """Return the page with the field, with what was typed and the refusal beside it."""
    typed = ask.form.text("arn") or ask.query.text("arn")
    values = {"kind": kind, "typed": typed, "refusal": refusal}
    page = _page(ask, "arn", values)
    if refusal is None:
        return page
    status = 422 if refusal.code is Code.KEY_INVALID else problem_of(refusal).status
    return Page(template=page.template, values=page.values, status=status)


def _request(ask: "Ask", kind: str, request: Any) -> Page | Response:
    """Request the checks of the typed ARN, and lead to them. A refusal is shown beside the field."""
    try:
        job: Job = request(ask.catalog, ask.visitor.actor, ask.of_tenant.name, ask.form.text("arn"))
    except Refuse as refusal:
        return _arn_page(ask, kind, refusal)
    return RedirectResponse(f"{base_of(ask)}/{kind}/{job.job_id}", 303)


def _checks_page(ask: "Ask", kind: str) -> Page:
    """Return the page with the checks of a job. htmx gets them alone, each second."""
    checked = new_key(_job(ask))
    if checked is None:
        raise Refuse(Code.NO_SUCH_JOB, f"Job {ask.path['job']} does not check a new key.")
    values = {
        "kind": kind,
        "checked": checked,
        "titles": CHECKS,
        "outcomes": OUTCOMES,
        "alias": checked.arn if is_key_arn(checked.arn) and is_alias(checked.arn) else None,
        "key_account": account_of(checked.key) if checked.key else None,
        "command_line": _command(ask, kind, checked),
        "hindrances": () if checked.state.ended else ask.front.pulse.hindrances(),
        "done": sum(each.outcome in ("passed", "warned") for each in checked.checks),
    }
    if ask.from_htmx:
        return Page(template="keys/checks.html", values={**values, **_beside_checks(ask, checked)})
    return _page(ask, "checks", values)


def _terms_page(ask: "Ask", note: str = "") -> Page:
    """Return the page with the terms for the key that was saved."""
    arn = checked_key(_job(ask), ask.of_tenant.tenant_id, ask.now)
    shown = present_terms()
    values = {"terms": shown, "paragraphs": paragraphs(shown.text), "terms_note": note}
    page = _page(ask, "terms", {**values, "saved_arn": arn, "action": _step(ask)})
    return Page(template=page.template, values=page.values, status=409) if note else page


def _beside_checks(ask: "Ask", checked: NewKeyDocument) -> dict[str, Any]:
    """Return what stands beside the checks alone: the policy, once one of them has failed."""
    if checked.state.ended and checked.code is not None:
        return key_page(ask).values()
    return {"base": base_of(ask), "commands": commands, "policy": None}


def _page(ask: "Ask", step: str, values: dict[str, Any]) -> Page:
    """Return the page about the key with a step of the dialog over it."""
    page = key_page(ask)
    if not page.active:
        sentence = f"{ask.of_tenant.name} may not have a key of its own yet. Ask the operator of this installation."
        raise Refuse(Code.KEY_NOT_ALLOWED, sentence)
    return Page(template="keys/page.html", values={**page.values(), **values, "step": step})


def _job(ask: "Ask") -> "Job":
    """Return the job in the path. Raise Refuse ``NO_SUCH_JOB`` if the tenant has no such job."""
    return ask.catalog.tenant(ask.of_tenant.tenant_id).jobs.get(ask.path["job"])


def _step(ask: "Ask") -> str:
    """Return the path of the steps of this check."""
    return f"{base_of(ask)}/enable/{ask.path['job']}"


def _command(ask: "Ask", kind: str, checked: NewKeyDocument) -> str:
    """Return the command line of the dialog."""
    name, arn = ask.of_tenant.name, clean_arn(checked.arn)
    if kind == "update":
        return commands.update_key(name, arn)
    return commands.enable_key(name, arn, rehearse=kind == "rehearse")
