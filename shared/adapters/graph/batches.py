"""Several GETs in one request (Graph: "Combine multiple HTTP requests using JSON batching").

Graph answers and throttles each item by itself. Successful items are kept, and only the others are requested again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.errors import NotFound, Throttled, TokenRefused, code_of, meaning, safe_word, seconds_of
from shared.adapters.graph.transport import Transport
from shared.domain.errors import GraphTrouble, Skip

MOST = 20
"""Largest number of items that Graph accepts in one request."""
Item = slicer.Envelope | Skip | None
"""A page, or None if the object does not exist, or the cause for which Graph refuses the object."""
_PREFER = {"Prefer": "include-unknown-enum-members"}


class _Responses(msgspec.Struct):
    """The body of a batch's answer."""

    responses: list[Raw]


class BatchItem(msgspec.Struct):
    """One item of a batch's answer, with values as Graph sent them."""

    id: Raw
    """The number under which the item was requested."""
    status: Raw
    headers: Raw = Raw(b"{}")
    body: Raw = Raw(b"")

    @property
    def code(self) -> int:
        """Return the HTTP status."""
        return int(bytes(self.status))

    @property
    def request_id(self) -> str | None:
        """Return Graph's request id, or None if it does not look like one."""
        return safe_word(self.header("request-id")) or None

    @property
    def retry_after(self) -> float | None:
        """Return Graph's Retry-After in seconds, or None."""
        return seconds_of(self.header("retry-after"))

    def header(self, name: str) -> str:
        """Return the value of the header with this lower-case name, or an empty string if it is missing."""
        return {key.lower(): value for key, value in _HEADERS.decode(self.headers).items()}.get(name, "")


ReadItem = Callable[[BatchItem], Awaitable[slicer.Envelope]]
"""Returns the page in an item that was answered."""
_RESPONSES: msgspec.json.Decoder[_Responses] = msgspec.json.Decoder(_Responses)
_RESPONSE: msgspec.json.Decoder[BatchItem] = msgspec.json.Decoder(BatchItem)
_HEADERS: msgspec.json.Decoder[dict[str, str]] = msgspec.json.Decoder(dict[str, str])


class Batches:
    """GETs of collections of one version of Graph, at most ``MOST`` in a request."""

    def __init__(self, transport: Transport, api: str) -> None:
        self._transport = transport
        self._url = f"{transport.root(api)}/$batch"

    async def pages(self, urls: Sequence[str], reads: Sequence[ReadItem], *, units: int) -> list[Item]:
        """Return the item at each URL (relative to the version), in order.

        - ``reads``: for each URL, returns the page in an item that was answered, and raises ValueError if there is none.
        - ``units``: the cost of each URL in resource units.

        Raises as ``Transport.get`` does for trouble, and TokenRefused.
        """
        items: dict[int, Item] = {}
        renewed = False

        async def request_remaining() -> None:
            nonlocal renewed
            remaining = [n for n in range(len(urls)) if n not in items]
            cost = units * len(remaining)
            answer = await self._transport.post(self._url, _body(remaining, urls), _parsed, units=cost)
            await self._transport.report_usage(_highest_usage(answer))
            refused = [n for n in remaining if n in answer and answer[n].code == 401]
            if refused and not renewed:
                renewed = True
                await self._transport.renew(answer[refused[0]].header("www-authenticate"))
                await _store(answer, [n for n in remaining if n not in refused], items, reads)
                raise GraphTrouble("Graph asks for a newer token.", 0.0, answer[refused[0]].request_id)
            await _store(answer, remaining, items, reads)

        await self._transport.retry(request_remaining)
        return [items[n] for n in range(len(urls))]


async def _store(
    answer: Mapping[int, BatchItem], numbers: Sequence[int], items: dict[int, Item], reads: Sequence[ReadItem]
) -> None:
    """Store the final answers to the requests with these numbers in ``items``.

    If other requests are in trouble, raise the trouble with the longest wait.
    """
    troubles: list[GraphTrouble] = []
    for n in numbers:
        if n not in answer:
            troubles.append(GraphTrouble("Graph's answer lacks an item of the batch."))
            continue
        try:
            items[n] = await _page(answer[n], reads[n])
        except NotFound:
            items[n] = None
        except TokenRefused:
            raise
        except Skip as skip:
            items[n] = skip
        except GraphTrouble as trouble:
            troubles.append(trouble)
        except ValueError:
            troubles.append(GraphTrouble("An answer in Graph's batch is not a page.", None, answer[n].request_id))
    if troubles:
        raise max(troubles, key=lambda trouble: (trouble.after or 0.0, isinstance(trouble, Throttled)))


async def _page(item: BatchItem, read: ReadItem) -> slicer.Envelope:
    """Return the item's page. Raises as ``errors.meaning`` says, and ValueError if the body is not a page."""
    if item.code == 200:
        return await read(item)
    if item.code == 204:
        return slicer.Envelope(value=[])
    code, after = code_of(bytes(item.body)), item.retry_after
    raise meaning(item.code, code, resuming=False, after=after, request_id=item.request_id)


def _highest_usage(answer: Mapping[int, BatchItem]) -> str:
    """Return the highest usage of Graph's limit that an item reports, or an empty string if none does."""
    return max((item.header("x-ms-throttle-limit-percentage") for item in answer.values()), default="")


def _body(numbers: Sequence[int], urls: Sequence[str]) -> bytes:
    """Return the JSON of a batch that requests the URLs with these numbers."""
    requests = [{"id": str(n), "method": "GET", "url": urls[n], "headers": _PREFER} for n in numbers]
    return msgspec.json.encode({"requests": requests})


async def _parsed(body: bytes) -> dict[int, BatchItem]:
    """Return the items as ``parsed_batch`` does."""
    return parsed_batch(body)


def parsed_batch(body: bytes) -> dict[int, BatchItem]:
    """Return the items of a batch's answer by their request numbers. Raises ValueError if the body is no such answer."""
    responses = slicer.read(slicer.on_one_line(body), _RESPONSES).responses
    items = [slicer.read(response, _RESPONSE) for response in responses]
    return {int(bytes(item.id).strip(b'"')): item for item in items}
