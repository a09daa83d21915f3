"""Creating objects exactly once: intended in the id map first, recorded once Graph has answered, looked up if it has not.

::

    intend ──▶ POST ──▶ answer ──▶ record
                 └─ lost ──▶ wait, look ──▶ wait, look ──▶ certainly absent: POST again, with the same mark
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.errors import Skip
from shared.domain.json_text import members
from shared.domain.json_text import string as text_of
from shared.domain.records import is_guid
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.bodies import encoded
from shared.domain.restore.draft import path_of
from shared.domain.restore.id_map import EntryState, IdMap, MapEntry
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import (
    creation_of,
    filter_of,
    is_created,
    mark_of,
    object_id,
    restoring_of,
    unmarking,
    with_mark,
)
from shared.engine.restore.passwords import NewPassword, open_password, random_password, seal_password
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import SealedPassword
from shared.ports.directory import DirectoryTarget
from shared.ports.observer import Point

_PROFILE = "passwordProfile"
_LISTED = "listed"
"""The word before the ids of objects with the same name that existed before the creation, in place of a mark."""


class Creations:
    """The creations of one plan. Its methods are coroutines of the event loop that writes."""

    def __init__(self, work: Work, target: DirectoryTarget, operations: Sequence[Operation]) -> None:
        """Load the id map, and the passwords that were made before."""
        self._work = work
        self._target = target
        entries = work.catalog.restores.map_entries()
        self._may_exist = {each.old_id for each in entries if _is_of_earlier_plan(each, work.claim.job_id)}
        self._entries = {each.old_id: each for each in entries if each.old_id not in self._may_exist}
        self._first = {each.current_id: each.first_id for each in entries if each.current_id is not None}
        self._operations = {_old_id(each): each for each in operations if each.action is Action.CREATE}
        self._passwords = {
            each.number: open_password(work.catalog, work.keys, each.sealed).password
            for each in work.catalog.restores.passwords(work.claim.job_id)
        }
        self.ids = IdMap(entries)
        """The current ids, which grow with each creation."""
        self.fresh = {
            entry.current_id
            for old_id, entry in self._entries.items()
            if old_id in self._operations and entry.current_id
        }
        """Ids of the objects that this restore has created, which Graph may not know everywhere yet."""

    def created(self, operation: Operation) -> str | None:
        """Return the id of the object if it is known to be created, else None."""
        entry = self._entries.get(_old_id(operation)) if operation.action is Action.CREATE else None
        return entry.current_id if entry is not None else None

    def may_exist(self, operation: Operation) -> bool:
        """Return True if an earlier restore created the object, which may have been deleted since."""
        return operation.action is Action.CREATE and _old_id(operation) in self._may_exist

    def is_intended(self, operation: Operation) -> bool:
        """Return True if a request to create the object may have been sent."""
        entry = self._entries.get(_old_id(operation))
        return operation.action is Action.CREATE and entry is not None and entry.state is EntryState.INTENDED

    def is_foreign(self, operation: Operation) -> bool:
        """Return True if another restore may have sent a request to create the object."""
        entry = self._entries.get(_old_id(operation))
        return entry is not None and self.is_intended(operation) and entry.job_id != self._work.claim.job_id

    async def new_mark(self, operation: Operation) -> str:
        """Return the mark by which the object can be found after a lost answer, beside its own values.

        Raise GraphTrouble, and Skip if Graph does not show the collection.
        """
        if self.is_intended(operation):
            return self._entries[_old_id(operation)].mark
        creation = creation_of(operation)
        if creation is SafeCreate.MARK:
            return mark_of(uuid.uuid4().hex)
        if creation is not SafeCreate.LISTED:
            return ""
        names = restoring_of(operation).identified_by
        sent = members(self.ids.rewritten(operation.body or b"{}")) or {}
        listed = [members(value) or {} for value in await self._candidates(operation, "")]
        same = [each for each in listed if all(each.get(name) == sent.get(name) for name in names)]
        return " ".join([_LISTED, *filter(None, (text_of(each.get("id")) for each in same))]).lower()

    async def intend(self, operations: Sequence[Operation], marks: Mapping[int, str]) -> None:
        """Store that requests to create these objects are about to be sent. ``marks`` are those of ``new_mark`` by number."""
        new = [each for each in operations if not self.is_intended(each)]
        entries = [self._entry(each, mark=marks[each.number]) for each in new]
        passwords = [each for each in operations if _PROFILE in restoring_of(each).generated]
        await asyncio.to_thread(
            self._store_intention, entries, [p for p in passwords if p.number not in self._passwords]
        )
        self._entries |= {each.old_id: each for each in entries}
        self._work.context.observer.reach(Point.CREATION_INTENDED)

    def body(self, operation: Operation, body: bytes) -> bytes:
        """Return the body of the creation, with its mark and with values that Graph demands but never returns."""
        text = self.ids.rewritten(body)
        password = self._passwords.get(operation.number)
        if password is not None:
            profile = {"forceChangePasswordNextSignIn": True, "password": password}
            text = encoded({**(members(text) or {}), _PROFILE: msgspec.json.encode(profile)})
        if creation_of(operation) is SafeCreate.MARK:
            text = with_mark(text, restoring_of(operation).mark, self._entries[_old_id(operation)].mark)
        return text

    async def record(self, created: Mapping[int, tuple[Operation, bytes]]) -> dict[int, str]:
        """Store the new ids of objects, from the JSON with which Graph answered.

        Return the ids by number of the operation.
        """
        entries: list[MapEntry] = []
        new_ids: dict[int, str] = {}
        for number, (operation, value) in created.items():
            properties = members(value) or {}
            new_id = text_of(properties.get("id")) or object_id(operation.key)  # no body: the caller chose the id
            mark = self._entries[_old_id(operation)].mark if creation_of(operation) is SafeCreate.MARK else ""
            entries.append(self._entry(operation, new_id=new_id, mark=mark))
            app_id = text_of(properties.get("appId"))
            if operation.app_id and app_id:
                entries.append(self._entry(operation, old_id=operation.app_id, new_id=app_id))
            new_ids[number] = new_id
        same = [entry.old_id for entry in entries if entry.current_id == entry.old_id]
        entries = [entry for entry in entries if entry.current_id != entry.old_id]
        await asyncio.to_thread(self._store_created, entries, same)
        for entry in entries:
            self._entries[entry.old_id] = entry
            self.ids.add(entry)
        self.fresh |= {new_id.lower() for new_id in new_ids.values()}
        self._work.context.observer.reach(Point.CREATION_RECORDED)
        return new_ids

    async def forget(self, operations: Sequence[Operation]) -> None:
        """Store that these objects were certainly not created."""
        old_ids = [_old_id(each) for each in operations]
        await asyncio.to_thread(self._work.catalog.restores.forget_intended, self._work.claim, old_ids)
        for old_id in old_ids:
            self._entries.pop(old_id, None)

    async def find(self, operation: Operation, body: bytes) -> bytes | None:
        """Return the JSON of the object that an earlier request has created, or None if Graph shows no such object.

        Raise GraphTrouble, and Skip if Graph does not show the collection at all.
        """
        restoring, creation = restoring_of(operation), creation_of(operation)
        entry = self._entries[_old_id(operation)]
        sent = self.ids.rewritten(body)
        known = {*entry.mark.split(), *filter(None, (each.current_id for each in self._entries.values()))}
        for value in await self._candidates(operation, filter_of(restoring, creation, sent, entry.mark)):
            candidate = members(value) or {}
            candidate_id = text_of(candidate.get("id"))
            if candidate_id is None or candidate_id.lower() in known:
                continue
            if is_created(restoring, creation, sent, entry.mark, candidate):
                return value
        return None

    def marked(self) -> list[tuple[Operation, str]]:
        """Return the patches that replace the marks of created objects, each with the object's id."""
        entries = ((operation, self._entries.get(old_id)) for old_id, operation in self._operations.items())
        return [
            (unmarking(operation), entry.current_id)
            for operation, entry in entries
            if entry is not None and entry.current_id is not None and entry.mark
        ]

    async def record_unmarked(self, operation: Operation) -> None:
        """Store that an object no longer carries its mark."""
        entry = msgspec.structs.replace(self._entries[_old_id(operation)], mark="")
        await asyncio.to_thread(self._work.catalog.restores.record_created, self._work.claim, [entry])
        self._entries[entry.old_id] = entry
        self._work.context.observer.reach(Point.MARK_REMOVED)

    async def _candidates(self, operation: Operation, condition: str) -> list[bytes]:
        """Return the collection's objects that match the condition, or all if Graph does not support the condition."""
        api = RESOURCES[operation.resource].api
        collection = path_of(restoring_of(operation).collection, operation.key) or operation.path
        path = self.ids.rewritten(collection.encode()).decode()
        if condition:
            names = {"id", restoring_of(operation).mark, *restoring_of(operation).identified_by, "displayName"} - {""}
            if operation.app_id:
                names.add("appId")
            try:
                return await self._target.list(f"{path}?$filter={condition}&$select={','.join(sorted(names))}", api)
            except Skip:
                pass
        return await self._target.list(path, api)

    def _store_intention(self, entries: Sequence[MapEntry], users: Sequence[Operation]) -> None:
        """Store entries of the id map, and new passwords for these users."""
        work = self._work
        if users:
            new = {each.number: random_password() for each in users}
            rows = [
                SealedPassword(number=each.number, sealed=seal_password(work, _password_of(each, new[each.number])))
                for each in users
            ]
            work.catalog.restores.keep_passwords(work.claim, rows)
            self._passwords |= new
        if entries:
            work.catalog.restores.intend(work.claim, entries)

    def _store_created(self, entries: Sequence[MapEntry], same: Sequence[str]) -> None:
        """Store new ids. Delete the entries of objects that have come back under their old ids."""
        restores, claim = self._work.catalog.restores, self._work.claim
        restores.record_created(claim, entries)
        if same:
            restores.forget_intended(claim, same)

    def _entry(
        self, operation: Operation, *, old_id: str | None = None, new_id: str | None = None, mark: str = ""
    ) -> MapEntry:
        """Return the entry of an object that is about to be created, or is created as ``new_id``."""
        old_id = (old_id or _old_id(operation)).lower()
        return MapEntry(
            old_id=old_id,
            first_id=self._first.get(old_id, old_id),
            current_id=new_id.lower() if new_id is not None else None,
            resource=operation.resource,
            state=EntryState.INTENDED if new_id is None else EntryState.CREATED,
            job_id=self._work.claim.job_id,
            mark=mark,
        )


def _is_of_earlier_plan(entry: MapEntry, job_id: str) -> bool:
    """Return True if the entry does not show that the object of a plan exists.

    Plans name objects by their current ids, which then have no entry. But ids that are no GUIDs, such as those of consents,
    are not rewritten, so a plan may create the same object again after it was deleted.
    """
    return entry.state is EntryState.CREATED and entry.job_id != job_id and not is_guid(entry.old_id)


def _old_id(operation: Operation) -> str:
    """Return the id in the snapshot of the object to create, as the id map has it."""
    return object_id(operation.key).lower()


def _password_of(operation: Operation, password: str) -> NewPassword:
    """Return the password of the user that the operation creates."""
    name = text_of((members(operation.body or b"") or {}).get("userPrincipalName")) or ""
    return NewPassword(key=operation.key, user=name, password=password)
