"""Write links and rows: add what the directory lacks, and remove what the snapshot lacks if the rules say so."""

from collections.abc import Iterable

from shared.domain.json_text import members, string
from shared.domain.resources.restoring import LinkWrite
from shared.domain.restore.bodies import encoded
from shared.domain.restore.changes import NULL
from shared.domain.restore.directory import Trait
from shared.domain.restore.draft import Draft, path_of, restoring_of
from shared.domain.restore.named import Named, ends, first_id, named
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.packing import Differences
from shared.domain.restore.patching import RESTRICTED, ROLES_PERMISSION
from shared.domain.restore.refusals import EXCHANGE, SYNCED, fixed_refusal
from shared.domain.restore.resolving import missing_sentence, unresolved
from shared.domain.restore.scope import ConflictRule, LinkRule
from shared.domain.restore.stages import Stage, later_than
from shared.domain.restore.world import RecordDifference

_ROOT = b"https://graph.microsoft.com/v1.0"
_TYPES = {
    "#microsoft.graph.user": "users",
    "#microsoft.graph.group": "groups",
    "#microsoft.graph.servicePrincipal": "servicePrincipals",
    "#microsoft.graph.application": "applications",
}
"""Types of the ends of links that backups have."""
_NEEDS_OF_ENDS = {
    "#microsoft.graph.device": "Device.ReadWrite.All",
    "#microsoft.graph.servicePrincipal": "Application.ReadWrite.All",
    "#microsoft.graph.orgContact": "OrgContact.Read.All",
}
"""Permissions to link objects of these types."""
_GRANTS = {
    "servicePrincipals.appRoleAssignedTo": "It grants a permission or a role of an application.",
    "roleAssignments": "It grants a directory role.",
}
"""What rows of these resources do, for whoever looks at the plan."""
_LACKS, _ADDED = "The directory lacks it.", "It was added after the snapshot."
_MEMBERS = "groups.members"
_USERS_ONLY = "Graph lets Microsoft 365 groups have users as members only."
_SEE_THERE = "The plan says why it cannot be restored."
_RETURNS = "The directory lacks it. It should come back with an undeleted object, and is written only if it does not."
_LAST_USER = "Graph may keep the last user among the owners."
_OWN = "It belongs to the restoring application, so it stays."
_LAST_OWNER = (
    "A group keeps its last owner, and the snapshot has none. Add another owner, then remove this one by hand."
)


class LinkWriter:
    """Adds the operations on the links and rows of one resource to a draft."""

    def __init__(self, draft: Draft, resource: str, adding: Differences, removing: Differences) -> None:
        self._draft = draft
        self._resource = resource
        self._owners, _, self._name = resource.partition(".")
        self._restoring = restoring_of(resource)
        self._adding, self._removing = adding, removing
        self._rule = draft.request.rules.rule_for(resource)
        self._left_to_rules = 0
        self._replaced = set[str]()
        """Owners whose only link is replaced by another."""

    def write(self) -> None:
        """Add the operations that the rules allow."""
        if self._rule is LinkRule.SKIP or self._draft.request.rules.undelete_only:
            return
        write = self._restoring.link
        linked = (
            {first_id(each.key) for each in self._removing} if write is not None and write.method == "PUT" else set()
        )
        replaces = self._rule is LinkRule.EXACT or self._draft.request.rules.conflict is ConflictRule.OVERWRITE
        for each in self._adding:
            if write is None:
                self._add_row(each)
            elif first_id(each.key) not in linked:
                self._add_link(each, write)
            elif replaces:
                self._replaced.add(first_id(each.key))
                self._add_link(each, write)
        if self._rule is LinkRule.EXACT:
            self._remove_all()
        if self._left_to_rules:
            self._draft.notes.append(
                f"Members of dynamic groups follow from their rules: {self._left_to_rules} differences are left to Graph."
            )

    def _add_link(self, difference: RecordDifference, write: LinkWrite) -> None:
        draft, key = self._draft, difference.key
        owner, target = ends(key)
        if owner in draft.refused or not self._may_write(difference, owner):
            return
        if draft.directory.traits(owner) & Trait.UNIFIED and self._resource == _MEMBERS and not _is_user(difference):
            title = self._title(owner, target)
            draft.refuse(self._resource, key, Hindrance.IMPOSSIBLE, _USERS_ONLY, name=title)
            return
        missing = [each for each in (owner, target) if not self._exists(each, difference)]
        if missing:
            texts = ", ".join(f"{draft.directory.name(each)} ({each})" for each in missing)
            possible = [each for each in missing if each not in draft.refused]
            command = f"Include it: {draft.command(*draft.request.scope.ids, *possible)}"
            reason = f"The directory does not have {texts}. {command if possible else _SEE_THERE}"
            draft.refuse(self._resource, key, Hindrance.UNRESOLVED, reason, name=self._title(owner, target))
            return
        may_return = self._may_return(owner, target)
        restricted_unit = self._owners == "administrativeUnits" and draft.directory.traits(owner) & Trait.RESTRICTED
        draft.operate(
            self._resource,
            key,
            Action.LINK,
            stage=Stage.LAST if restricted_unit else self._restoring.stage,
            reason=_RETURNS if may_return else _LACKS,
            method=write.method,
            path=path_of(write.add, key, _collection_of(difference.wanted)),
            name=self._title(owner, target),
            body=encoded({"@odata.id": b'"%b%b"' % (_ROOT, path_of(write.names or write.reference, key).encode())}),
            needs=(*self._needs(owner), _NEEDS_OF_ENDS.get(_type_of(difference.wanted), "")),
            names=(owner, target),
            may_return=may_return,
        )

    def _add_row(self, difference: RecordDifference) -> None:
        draft, key, value = self._draft, difference.key, difference.wanted or b""
        refusal = fixed_refusal(self._restoring, value)
        inner = members(value) or {}
        if refusal is not None:
            draft.refuse(self._resource, key, *refusal, name=self._row_title(value), values=_shown(refusal[0], inner))
            return
        names = dict.fromkeys((*self._restoring.required, *self._restoring.create_only, *self._restoring.writable))
        values = {name: inner[name] for name in names if inner.get(name, NULL) != NULL}
        missing = list[Named]()
        for name, each in values.items():
            missing += unresolved(draft, self._resource, name, each)
        if missing:
            if not any(each.id in draft.refused for each in missing):
                reason = missing_sentence(draft, "", missing)
                draft.refuse(self._resource, key, Hindrance.UNRESOLVED, reason, name=self._row_title(value))
            return
        ids = [each.id for each in named(self._resource, value)]
        may_return = self._may_return(*ids)
        draft.operate(
            self._resource,
            key,
            Action.LINK,
            stage=self._restoring.stage,
            reason=_RETURNS if may_return else _LACKS,
            method="POST",
            path=path_of(self._restoring.collection, key),
            name=self._row_title(value),
            body=encoded(values),
            properties=values,
            needs=self._restoring.permissions,
            names=(*([first_id(key)] if self._name else []), *ids),
            notes=[_GRANTS[self._resource]] if self._resource in _GRANTS else (),
            may_return=may_return,
        )

    def _remove_all(self) -> None:
        """Remove the links and rows that the snapshot does not have, unless their owner is newer than it."""
        draft = self._draft
        owners = {first_id(each.key) for each in self._removing} if self._name else set()
        stored = (
            {first_id(key.decode()) for key, _ in draft.world.snapshot.records(self._owners, owners)}
            if owners
            else owners
        )
        kept = self._last_owners(owners) if self._resource == "groups.owners" else set()
        for each in self._removing:
            if (self._name and first_id(each.key) not in stored) or first_id(each.key) in self._replaced:
                continue
            if each.key in kept:
                title = self._title(*ends(each.key))
                draft.refuse(self._resource, each.key, Hindrance.IMPOSSIBLE, _LAST_OWNER, name=title)
            elif self._restoring.link is not None:
                self._remove_link(each, self._restoring.link)
            else:
                self._remove_row(each)

    def _remove_link(self, difference: RecordDifference, write: LinkWrite) -> None:
        owner, target = ends(difference.key)
        if self._may_write(difference, owner):
            self._remove(
                difference,
                path_of(write.remove, difference.key, _collection_of(difference.live)),
                self._title(owner, target),
                (_LAST_USER,) if self._resource == "groups.owners" and self._only_principals(owner) else (),
            )

    def _remove_row(self, difference: RecordDifference) -> None:
        value = difference.live or b""
        ids = {each.id for each in named(self._resource, value)}
        if not ids.isdisjoint(self._draft.world.own_ids):
            self._draft.refuse(self._resource, difference.key, Hindrance.IMPOSSIBLE, _OWN, name=self._row_title(value))
        elif (refusal := fixed_refusal(self._restoring, value)) is not None:
            self._draft.refuse(self._resource, difference.key, *refusal, name=self._row_title(value))
        else:
            self._remove(difference, path_of(self._restoring.item, difference.key), self._row_title(value), ())

    def _remove(self, difference: RecordDifference, path: str, name: str, notes: Iterable[str]) -> None:
        self._draft.operate(
            self._resource,
            difference.key,
            Action.UNLINK,
            stage=later_than(self._restoring.stage),
            reason=_ADDED,
            method="DELETE",
            path=path,
            name=name,
            needs=self._needs(first_id(difference.key)),
            before=difference.live,
            notes=notes,
        )

    def _may_write(self, difference: RecordDifference, owner: str) -> bool:
        """Return False, after saying why, if the owner's links cannot be written."""
        traits = self._draft.directory.traits(owner)
        if traits & Trait.DYNAMIC and self._resource.endswith(".members"):
            self._left_to_rules += 1
            return False
        reason = EXCHANGE if traits & Trait.EXCHANGE else SYNCED if traits & Trait.SYNCED else ""
        if reason:
            title = self._title(*ends(difference.key))
            self._draft.refuse(self._resource, difference.key, Hindrance.IMPOSSIBLE, reason, name=title)
        return not reason

    def _exists(self, object_id: str, difference: RecordDifference) -> bool:
        """Return True if an end of a link exists, is restored, or is of a kind that backups do not have."""
        directory = self._draft.directory
        if object_id in directory.live or object_id in self._draft.coming:
            return True
        if object_id in directory.stored or object_id == first_id(difference.key):
            return False
        kind = _TYPES.get(_type_of(difference.wanted))
        return kind is None or not directory.is_known((kind,))

    def _last_owners(self, groups: set[str]) -> set[str]:
        """Return the keys of links to the last owners: those that must stay because no other owner would be left."""
        removed = {each.key for each in self._removing}
        remain = {first_id(each.key) for each in self._adding}
        last = dict[str, str]()
        for key, _ in self._draft.world.live.records(self._resource, groups):
            text = key.decode()
            if text in removed:
                last.setdefault(first_id(text), text)
            else:
                remain.add(first_id(text))
        return {key for owner, key in last.items() if owner not in remain}

    def _only_principals(self, group: str) -> bool:
        """Return True if a group would keep no user as its owner, which Graph then refuses."""
        draft = self._draft
        if draft.directory.traits(group) & Trait.ROLE_ASSIGNABLE:
            return False
        owners = draft.world.snapshot.records(self._resource, {group})
        return not any(b"graph.user" in value for _, value in owners)

    def _needs(self, owner: str) -> tuple[str, ...]:
        traits = self._draft.directory.traits(owner) if self._name else Trait.NONE
        roles = ROLES_PERMISSION if traits & Trait.ROLE_ASSIGNABLE else ""
        return (roles, RESTRICTED if traits & Trait.RESTRICTED else "")

    def _may_return(self, *ids: str) -> bool:
        coming = self._draft.coming
        return any(each in coming and bool(coming[each].packed_bin) for each in ids)

    def _title(self, owner: str, target: str) -> str:
        return f"{self._draft.directory.name(owner)} → {self._draft.directory.name(target)}"

    def _row_title(self, value: bytes) -> str:
        ids = (each.id for each in named(self._resource, value))
        return " → ".join(self._draft.directory.name(each) for each in ids)


def _type_of(link: bytes | None) -> str:
    """Return the type of a link's target, or an empty text."""
    return string((members(link or b"") or {}).get("@odata.type")) or ""


def _collection_of(link: bytes | None) -> str:
    """Return the collection of a link's target, or that of service principals if its type is not known."""
    return _TYPES.get(_type_of(link), "servicePrincipals")


def _is_user(difference: RecordDifference) -> bool:
    """Return True if a link's target is a user, or of a type that is not known."""
    return _type_of(difference.wanted) in ("", "#microsoft.graph.user")


def _shown(kind: Hindrance, values: dict[str, bytes]) -> dict[str, bytes]:
    return {name: value for name, value in values.items() if "@" not in name} if kind is Hindrance.ADMINISTRATOR else {}
