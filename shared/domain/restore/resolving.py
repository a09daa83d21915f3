"""Resolve references: does what a value names exist, or come back by the same plan?"""

from collections.abc import Iterator

from shared.domain.resources import ReferenceKind
from shared.domain.restore.draft import Draft
from shared.domain.restore.named import Named, named_in


def unresolved(draft: Draft, resource: str, name: str, value: bytes) -> list[Named]:
    """Return the objects that a property names and that neither exist nor are restored."""
    return [each for each in named_in(resource, name, value) if not _resolves(draft, each)]


def named_objects(draft: Draft, resource: str, name: str, value: bytes) -> Iterator[str]:
    """Yield the ids of the objects that a property names and that this plan restores."""
    for each in named_in(resource, name, value):
        if each.id in draft.coming:
            yield each.id
        elif each.id in draft.coming_apps:
            yield draft.coming_apps[each.id]


def missing_sentence(draft: Draft, object_id: str, missing: list[Named]) -> str:
    """Return a sentence that names the missing objects, and the command that includes them."""
    apps = draft.directory.stored_apps
    ids = list(dict.fromkeys(next(iter(apps[each.id].values())) if each.id in apps else each.id for each in missing))
    stored = [each for each in ids if each in draft.directory.stored or each in _ids_of_apps(apps)]
    possible = [each for each in stored if each not in draft.refused]
    texts = [_described(draft, each) for each in ids]
    sentence = f"It names {', '.join(texts)}, which the directory does not have."
    if possible:
        sentence += f" Include what it names: {draft.command(object_id, *draft.request.scope.ids, *possible)}"
    if len(possible) < len(stored):
        sentence += " The plan says why what it names cannot be restored."
    if len(stored) < len(ids):
        sentence += " What the snapshot does not have either must be replaced by hand."
    return sentence


def _ids_of_apps(apps: dict[str, dict[str, str]]) -> set[str]:
    return {object_id for each in apps.values() for object_id in each.values()}


def _described(draft: Draft, object_id: str) -> str:
    entry = draft.directory.stored.get(object_id)
    return f"'{entry.name}' ({object_id})" if entry is not None and entry.name else object_id


def _resolves(draft: Draft, each: Named) -> bool:
    """Return True if a reference names an object that exists, is restored, or may exist outside of the backups."""
    directory, reference = draft.directory, each.reference
    if each.id in directory.live or each.id in draft.coming or each.id in draft.coming_apps:
        return True
    if reference.kind is not ReferenceKind.OBJECT and each.id in directory.live_apps:
        return True
    stored = each.id in directory.stored or each.id in directory.stored_apps
    if reference.kind is ReferenceKind.TEXT or reference.foreign:
        return not stored
    return not stored and not directory.is_known(reference.resources)
