"""Notice targets of the installation or of a tenant, with their last deliveries."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from console.web import commands
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.domain.notice_addresses import checked, is_mail_address
from shared.domain.notices import NoticeKind, TargetKind, choices, label
from shared.engine.requests import notices
from shared.engine.requests.notices import AddedTarget, TargetWithDeliveries

if TYPE_CHECKING:
    from console.web.page import Ask

_KINDS = (("mail", "Mail"), ("chat", "Chat"), ("webhook", "Webhook"))
_GROUPS = (
    ("Key", (NoticeKind.KEY_REFUSED, NoticeKind.KEY_ANSWERS, NoticeKind.KEY_WARNS)),
    (
        "Backups",
        (
            NoticeKind.BACKUP_FAILED,
            NoticeKind.BACKUP_LATE,
            NoticeKind.BACKUP_LESS_COMPLETE,
            NoticeKind.BACKUP_RECOVERED,
            NoticeKind.CREDENTIAL_EXPIRING,
        ),
    ),
    ("Restores and damage", (NoticeKind.RESTORE_ASKED, NoticeKind.RESTORE_ENDED, NoticeKind.DAMAGE_FOUND)),
    (
        "Access",
        (
            NoticeKind.BREAK_GLASS_USED,
            NoticeKind.PERSON_CHANGED,
            NoticeKind.ROLE_CHANGED,
            NoticeKind.WAY_CHANGED,
            NoticeKind.TOKEN_CHANGED,
            NoticeKind.TARGET_CHANGED,
        ),
    ),
)
"""The kinds of notices as the form groups them."""
_DONE = {"added": "Added.", "removed": "Removed.", "tested": "The test is on its way. Its outcome will stand below."}


def show(ask: "Ask") -> Page:
    """Show the targets."""
    return _page(ask)


def add(ask: "Ask") -> Page | Response:
    """Add a target. The secret of a webhook is shown this once. What was typed stays if it is refused."""
    form = ask.form
    errors = _errors(ask)
    if errors:
        return _page(ask, errors)
    try:
        added = notices.add_target(
            ask.catalog,
            ask.front.sealer,
            ask.front.clock,
            _tenant_id(ask),
            name=form.text("target"),
            kind=TargetKind(form.text("kind")),
            address=form.text("address"),
            notices=form.all("notice"),
        )
    except Refuse as refusal:
        if refusal.code is not Code.WRONG_USE:
            raise
        return _page(ask, {"target": refusal.message})
    if added.secret is None:
        return _done(ask, "added")
    return _secret(ask, added)


def test(ask: "Ask") -> Response:
    """Queue a test of a target."""
    notices.send_test(ask.catalog, _tenant_id(ask), ask.form.text("id"))
    return _done(ask, "tested")


def remove(ask: "Ask") -> Response:
    """Remove a target with its deliveries."""
    notices.remove_target(ask.catalog, _tenant_id(ask), ask.form.text("id"))
    return _done(ask, "removed")


def _page(ask: "Ask", errors: Mapping[str, str] | None = None) -> Page:
    """Return the page, with errors of the form by field."""
    listed = notices.list_targets(ask.catalog, _tenant_id(ask))
    form, tenant = ask.form, _tenant(ask)
    available = choices(_tenant_id(ask))
    typed = bool(errors)
    values = {
        "path": _path(ask),
        "listed": listed,
        "waiting": any(delivery.state == "waiting" for each in listed for delivery in each.deliveries),
        "ready": ask.catalog.installation_keys().recipient() is not None,
        "label": label,
        "total": len(available),
        "kinds": _KINDS,
        "groups": [(name, [kind for kind in kinds if kind in available]) for name, kinds in _GROUPS],
        "chosen": form.all("notice") if typed else [kind.value for kind in available],
        "form": form,
        "errors": {"target": "", "kind": "", "address": "", "notice": "", **(errors or {})},
        "done": _DONE.get(ask.query.text("done")),
        "lines": _lines(listed, tenant),
        "add_line": _add_line(ask),
    }
    status = 422 if typed else 200
    return Page(template="notices/list.html", values=values, status=status, fragment="live", polled=not typed)


def _errors(ask: "Ask") -> dict[str, str]:
    """Return what is wrong with the fields of the form, by field."""
    form, errors = ask.form, dict[str, str]()
    try:
        notices.checked_target_name(form.text("target"))
    except Refuse as refusal:
        errors["target"] = refusal.message
    if form.text("kind") not in set(TargetKind):
        errors["kind"] = "Choose mail, chat or webhook."
    else:
        try:
            checked(TargetKind(form.text("kind")), form.text("address"), _tenant_id(ask))
        except Refuse as refusal:
            errors["address"] = refusal.message
    known = {kind.value for kind in choices(_tenant_id(ask))}
    if not form.all("notice") or set(form.all("notice")) - known:
        errors["notice"] = "Choose at least one notice."
    return errors


def _secret(ask: "Ask", added: AddedTarget) -> Page:
    """Return the page with the secret of a new webhook."""
    return Page(template="notices/added.html", values={"path": _path(ask), "added": added})


def _lines(listed: Sequence[TargetWithDeliveries], tenant: str | None) -> list[str]:
    """Return the command lines of the list, and of each target's buttons."""
    lines = [commands.list_notice_targets(tenant)]
    for each in listed:
        lines += [
            commands.try_notice_target(each.target.name, tenant),
            commands.remove_notice_target(each.target.name, tenant),
        ]
    return lines


def _add_line(ask: "Ask") -> str:
    """Return the command line of what stands in the form. A URL is never in it: it goes into a file."""
    form, available = ask.form, choices(_tenant_id(ask))
    address = form.text("address")
    by_mail = form.text("kind") in ("", "mail") and (not address or is_mail_address(address))
    chosen = [kind.value for kind in available if kind.value in form.all("notice")]
    place: dict[str, Any] = {"address": address or "ops@example.com"} if by_mail else {"file": "./address"}
    kind = form.text("kind") if form.text("kind") in set(TargetKind) else "mail"
    wanted = [] if len(chosen) == len(available) else chosen
    return commands.add_notice_target(form.text("target") or "ops", kind, _tenant(ask), **place, notices=wanted)


def _done(ask: "Ask", word: str) -> Response:
    return RedirectResponse(f"{_path(ask)}?done={word}", 303)


def _tenant(ask: "Ask") -> str | None:
    return ask.tenant.name if ask.tenant else None


def _tenant_id(ask: "Ask") -> str | None:
    return ask.tenant.tenant_id if ask.tenant else None


def _path(ask: "Ask") -> str:
    """Return the address of the page."""
    return f"/t/{ask.tenant.name}/settings/notices" if ask.tenant else "/notices"
