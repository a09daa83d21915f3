"""A directory as the target of writes."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby

import msgspec

from shared.adapters.graph import slicer
from shared.adapters.graph.batches import MOST
from shared.adapters.graph.errors import NotFound
from shared.adapters.graph.one_object import one_object
from shared.adapters.graph.transport import Transport
from shared.adapters.graph.writing.batch import WriteBatch
from shared.adapters.graph.writing.sender import THROTTLED, Sender
from shared.domain.errors import GraphTrouble
from shared.ports.budget import WriteBudget
from shared.ports.directory import DeletedObject, WriteAnswer, WriteRequest

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)
_POLICIES = "/identity/conditionalAccess/"
_POLICY_BUCKET = "conditional-access"


class GraphTarget:
    """One directory, written by one application. Its methods behave as the port ``DirectoryTarget`` describes."""

    def __init__(self, transport: Transport, sender: Sender, write_budget: WriteBudget) -> None:
        """Read with ``transport`` and write with ``sender``. ``close`` closes ``transport``."""
        self._transport = transport
        self._sender = sender
        self._write_budget = write_budget

    async def write(self, request: WriteRequest) -> WriteAnswer:
        """Send one write."""
        return await self._sender.send(request)

    async def write_all(self, requests: Sequence[WriteRequest]) -> list[WriteAnswer]:
        """Send writes in batches. Send single writes, and writes whose bodies are bytes, as requests of their own."""
        answers: dict[int, WriteAnswer] = {}
        for part in _parts(requests):
            writes = [requests[n] for n in part]
            try:
                sent = await WriteBatch(self._sender, writes).send() if len(part) > 1 else [await self.write(writes[0])]
            except GraphTrouble:
                if not answers:
                    raise
                break  # the answers so far must not be lost with the trouble
            answers |= dict(zip(part, sent, strict=True))
        return [answers.get(n, THROTTLED) for n in range(len(requests))]

    async def get(self, path: str, api: str = "v1.0") -> bytes | None:
        """Return the JSON at a path, without its context, or None if it does not exist."""
        await self._admit_read(path)
        try:
            return await self._transport.get(f"{self._transport.root(api)}{path}", one_object)
        except NotFound:
            return None

    async def list(self, path: str, api: str = "v1.0") -> list[bytes]:
        """Return the objects of a collection, of all pages."""
        return [value async for value in self._objects(path, api)]

    async def deleted(self, path: str, select: Sequence[str] = ()) -> AsyncIterator[DeletedObject]:
        """Yield the objects of a recycle bin."""
        query = f"?$select={','.join(('id', *select))}" if select else ""
        async for value in self._objects(f"{path}{query}"):
            yield DeletedObject(object_id=slicer.read(value, _IDENTIFIED).id, value=value)

    async def permissions(self) -> frozenset[str] | None:
        """Return the permissions that the token names, or None if it names none."""
        return await self._sender.permissions()

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._transport.close()

    async def _objects(self, path: str, api: str = "v1.0") -> AsyncIterator[bytes]:
        """Yield the objects of a collection, page by page."""
        link: str | None = f"{self._transport.root(api)}{path}"
        resuming = False
        while link is not None:
            await self._admit_read(path)
            page = await self._transport.get(link, slicer.collection, resuming=resuming)
            for value in page.value:
                yield bytes(value)
            link, resuming = page.next, True

    async def _admit_read(self, path: str) -> None:
        """Wait until the budget allows a read. Graph counts all requests to Conditional Access, not writes alone."""
        if path.startswith(_POLICIES):
            await self._write_budget.admit(_POLICY_BUCKET, 1)


def _parts(requests: Sequence[WriteRequest]) -> Iterator[list[int]]:
    """Yield the numbers of the writes that go into one request."""
    order = sorted(range(len(requests)), key=lambda n: _shape(requests[n]))
    for (_, _, batchable), group in groupby(order, key=lambda n: _shape(requests[n])):
        numbers = list(group)
        size = MOST if batchable else 1
        yield from (numbers[start : start + size] for start in range(0, len(numbers), size))


def _shape(request: WriteRequest) -> tuple[str, str, bool]:
    """Return what the writes of a batch have in common: version, bucket, and whether they may be in a batch.

    Bodies of a batch are JSON. Graph takes one request a second to Conditional Access, so a batch would be throttled.
    """
    return request.api, request.bucket, request.bucket != _POLICY_BUCKET and "Content-Type" not in request.headers
