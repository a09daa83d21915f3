"""Listing the store: which names may be Entrakeep's, and which were left by people, consoles and tools.

Every reader of listings reads through ``Listing``. A name is ours by its form alone (docs/format.md). Folder markers
such as ``snapshots/``, ``README``, ``.DS_Store`` and copies such as ``1 (1)`` are strays. They are skipped, and logged
once.
"""

import logging
import re
from collections.abc import Iterator
from enum import Enum

from shared.ports.blobs import BlobStore
from shared.vault.names import (
    heads_prefix,
    jobs_prefix,
    key_objects_prefix,
    last,
    manifests_prefix,
    trust_records_prefix,
)

log = logging.getLogger(__name__)

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SHA256 = r"[0-9a-f]{64}"
_NUMBER = r"[1-9][0-9]{0,14}"
_SHOWN = 5
"""The number of strays' names in a log line."""
_LONGEST = 200
"""The largest number of characters kept of a stray's name."""
_REPORTED = 100
"""The largest number of strays' names in a report, because a job stores them."""


class Form(Enum):
    """The forms of names under a tenant's id."""

    CHUNK = re.compile(rf"jobs/{_UUID}/{_SHA256}")
    MANIFEST = re.compile(rf"snapshots/{_UUID}")
    KEY_OBJECT = re.compile(rf"keys/{_SHA256}/{_NUMBER}")
    HEAD = re.compile(rf"audit/{_NUMBER}")
    TRUST_RECORD = re.compile(rf"trust/{_NUMBER}")
    CERTIFICATE = re.compile("shredded")
    SHREDDING = re.compile("shredding")


def form_of(tenant_id: str, blob: str) -> Form | None:
    """Return the form of a name in the store, or None if it cannot be a name of ours."""
    own, below = f"{tenant_id}/", blob.removeprefix(f"{tenant_id}/")
    return next((form for form in Form if blob.startswith(own) and form.value.fullmatch(below)), None)


def is_id(text: str) -> bool:
    """Return True if the text has the form of a tenant's, job's or snapshot's id."""
    return re.fullmatch(_UUID, text) is not None


class Listing:
    """One tenant's names in the store. ``strays`` are the skipped names, in printable form."""

    def __init__(self, store: BlobStore, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self.strays: set[str] = set()

    def all(self) -> Iterator[tuple[Form, str]]:
        """Yield every name under the tenant's id with its form."""
        return self._ours(f"{self._tenant}/")

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that have a folder."""
        folders = self._store.folders(jobs_prefix(self._tenant))
        self.strays |= {_printable(f"{jobs_prefix(self._tenant)}{name}/") for name in folders if not is_id(name)}
        return {name for name in folders if is_id(name)}

    def chunks(self, job_id: str) -> Iterator[str]:
        """Yield the names of a job's chunks."""
        return self._names(Form.CHUNK, f"{jobs_prefix(self._tenant)}{job_id}/")

    def manifests(self) -> Iterator[str]:
        """Yield the ids of the snapshots that have a manifest."""
        return map(last, self._names(Form.MANIFEST, manifests_prefix(self._tenant)))

    def key_objects(self, data_key_id: str | None = None, *, deleted: bool = False) -> Iterator[str]:
        """Yield the names of all key objects, or of one data key's. ``deleted`` is as for ``BlobStore.names``."""
        return self._names(Form.KEY_OBJECT, key_objects_prefix(self._tenant, data_key_id), deleted=deleted)

    def copies(self) -> Iterator[str]:
        """Yield names of copies of key objects that people or tools made: each opens as the key object does."""
        for blob in self._store.names(key_objects_prefix(self._tenant)):
            if form_of(self._tenant, blob) is None and b'"wrapped"' in (self._store.get(blob) or b""):
                yield _printable(blob)

    def heads(self) -> set[int]:
        """Return the numbers of the events whose hashes are stored."""
        return {int(last(name)) for name in self._names(Form.HEAD, heads_prefix(self._tenant))}

    def trust_records(self) -> set[int]:
        """Return the numbers of the trust records."""
        return {int(last(name)) for name in self._names(Form.TRUST_RECORD, trust_records_prefix(self._tenant))}

    def skip(self, blob: str) -> None:
        """Count as a stray a name of our form whose blob is not ours."""
        self.strays.add(_printable(blob))

    def report(self) -> list[str]:
        """Log the strays, if there are any, in one line. Return the first of them, in order."""
        strays = sorted(self.strays)
        if strays:
            more = f" and {len(strays) - _SHOWN:,} more" if len(strays) > _SHOWN else ""
            shown = ", ".join(strays[:_SHOWN])
            log.warning("skipped what is not Entrakeep's: %s%s", shown, more, extra={"tenant": self._tenant})
        return strays[:_REPORTED]

    def _names(self, wanted: Form, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        return (name for form, name in self._ours(prefix, wanted, deleted=deleted))

    def _ours(self, prefix: str, wanted: Form | None = None, *, deleted: bool = False) -> Iterator[tuple[Form, str]]:
        for name in self._store.names(prefix, deleted=deleted):
            form = form_of(self._tenant, name)
            if form is None or wanted not in (None, form):
                self.skip(name)
            else:
                yield form, name


def _printable(name: str) -> str:
    """Return a name that any terminal, log and database accepts, because strangers chose its characters."""
    return "".join(c if c.isprintable() else "?" for c in name[:_LONGEST])
