"""Applications: roles and scopes that must be disabled before they go, and secrets that cannot come back."""

from collections.abc import Iterator

from shared.domain.json_text import elements, members
from shared.domain.naming import own_name
from shared.domain.restore.bodies import encoded, is_true, items_by, list_of, only, part, text_at, with_part
from shared.domain.restore.changes import Change
from shared.domain.restore.draft import Draft, path_of, restoring_of
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.scope import ConflictRule
from shared.domain.restore.successors import PRINCIPALS

_ROLES, _SCOPES = "appRoles", "api.oauth2PermissionScopes"
_ASSIGNED = "servicePrincipals.appRoleAssignedTo"


def disable_first(draft: Draft, change: Change, values: dict[str, bytes]) -> None:
    """Add the request that disables roles and scopes which the next request removes, or gives another value.

    Graph refuses to remove or change them while they are enabled.
    """
    disabled = dict[str, bytes]()
    notes = list[str]()
    for path in (_ROLES, _SCOPES):
        name, _, rest = path.partition(".")
        if name in values:
            leaving = _leaving(part(change.live, path), part(encoded(values), path))
            if leaving:
                off = _disabled(part(change.live, path), set(leaving))
                disabled[name] = with_part(part(change.live, name), rest, off) if rest else off
                notes += _notes(draft, change, path, leaving)
    if disabled:
        draft.operate(
            change.resource,
            change.key,
            Action.PATCH,
            stage=restoring_of(change.resource).stage,
            reason="Roles and scopes must be disabled before they are removed or changed.",
            method="PATCH",
            path=path_of(restoring_of(change.resource).item, change.key),
            name=own_name(change.live),
            body=encoded(disabled),
            properties=disabled,
            before=only(change.live, disabled),
            notes=notes,
            prepares=True,
        )


def report_kept_roles(draft: Draft, change: Change, values: dict[str, bytes]) -> None:
    """Refuse roles that cannot come back because the rules keep another role with the same value."""
    if _ROLES in values or draft.request.rules.conflict is ConflictRule.OVERWRITE:
        return
    live = items_by(change.live, _ROLES, "id")
    values_in_use = {text_at(each, "value"): object_id for object_id, each in live.items()}
    for role_id, role in items_by(change.wanted, _ROLES, "id").items():
        value = text_at(role, "value")
        if role_id not in live and value in values_in_use:
            draft.refuse(
                change.resource,
                change.key,
                Hindrance.CHOICE,
                f"The role {value} ({role_id}) cannot come back, because the role {values_in_use[value]} has its value and "
                "the rules keep it. With --conflict overwrite it is replaced, and its assignments go.",
                name=own_name(change.live),
                properties=(_ROLES,),
            )


def report_secrets(draft: Draft, change: Change) -> None:
    """Refuse secrets of the snapshot that do not exist any more. Note secrets that were added since and stay."""
    if draft.request.scope.properties:
        return
    inner = members(change.live) or {}
    for name in restoring_of(change.resource).secret:
        if change.undeleted and name not in inner:
            continue  # the recycle bin does not show them, and they come back as they were
        stored, living = items_by(change.wanted, name, "keyId"), items_by(change.live, name, "keyId")
        lost = [_titled(each) for key, each in stored.items() if key not in living]
        if lost:
            draft.refuse(
                change.resource,
                change.key,
                Hindrance.IMPOSSIBLE,
                f"Secrets and private keys cannot be read, so these do not come back: {', '.join(lost)}. Create new ones.",
                name=own_name(change.wanted),
                properties=(name,),
            )
        kept = [_titled(each) for key, each in living.items() if key not in stored]
        if kept:
            draft.notes.append(
                f"{own_name(change.live)} ({change.key}) keeps what was added after the snapshot: {', '.join(kept)}."
            )


def _leaving(live: bytes | None, wanted: bytes | None) -> dict[str, bytes]:
    """Return the enabled entries, by id, that the wanted list lacks or has with another value."""
    after = _entries(wanted)
    return {
        each_id: each
        for each_id, each in _entries(live).items()
        if is_true(each, "isEnabled")
        and (each_id not in after or text_at(after[each_id], "value") != text_at(each, "value"))
    }


def _entries(value: bytes | None) -> dict[str, bytes]:
    return items_by(value, "", "id")


def _disabled(value: bytes | None, leaving: set[str]) -> bytes:
    """Return a list of entries in which some are disabled."""
    return list_of(
        with_part(each, "isEnabled", b"false") if (text_at(each, "id") or "").lower() in leaving else each
        for each in (elements(value) if value is not None else None) or ()
    )


def _notes(draft: Draft, change: Change, path: str, leaving: dict[str, bytes]) -> Iterator[str]:
    """Yield a note for each role or scope that the restore removes, with the assignments that this removes."""
    what = "role" if path == _ROLES else "scope"
    holders = _holders(draft, change, set(leaving)) if path == _ROLES else {}
    for each_id, each in leaving.items():
        names = holders.get(each_id)
        goes = f" Its assignments are removed too: {', '.join(names)}." if names else ""
        yield f"The {what} {text_at(each, 'value') or each_id} ({each_id}) was not in the snapshot and is removed.{goes}"


def _holders(draft: Draft, change: Change, roles: set[str]) -> dict[str, list[str]]:
    """Return the names of the principals that have one of these roles, by role."""
    app_id = (text_at(change.live, "appId") or "").lower()
    principal = draft.directory.live_apps.get(app_id, {}).get(PRINCIPALS)
    holders: dict[str, list[str]] = {}
    for _, row in draft.world.live.records(_ASSIGNED, {principal}) if principal else ():
        role = (text_at(row, "appRoleId") or "").lower()
        if role in roles:
            holders.setdefault(role, []).append(
                text_at(row, "principalDisplayName") or text_at(row, "principalId") or ""
            )
    return holders


def _titled(credential: bytes) -> str:
    """Return the name of a secret or certificate, and its key's id."""
    return f"{text_at(credential, 'displayName') or 'unnamed'} ({text_at(credential, 'keyId')})"
