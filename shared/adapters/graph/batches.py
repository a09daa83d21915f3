"""Several GETs in one request (Graph: "Combine multiple HTTP requests using JSON batching").

Each item is answered and throttled by itself. What was answered well is kept; the others alone are asked again.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.errors import NotFound, Throttled, TokenRefused, code_of, meaning, safe_word, seconds_of
from shared.adapters.graph.transport import Transport
from shared.domain.errors import GraphTrouble, Skip

MOST = 20
"""Items that Graph takes in one request."""
Item = slicer.Envelope | Skip | None
"""A page; None where there is no such object; or the cause for which Graph refuses this one."""
_PREFER = {"Prefer": "include-unknown-enum-members"}


class _Responses(msgspec.Struct):
    responses: list[Raw]


class _Response(msgspec.Struct):
    id: Raw
    status: Raw
    headers: Raw = Raw(b"{}")
    body: Raw = Raw(b"")

    @property
    def code(self) -> int:
        """The HTTP status."""
        return int(bytes(self.status))

    @property
    def request_id(self) -> str | None:
        """Graph's, if it looks like one."""
        return safe_word(self.header("request-id")) or None

    def header(self, name: str) -> str:
        """A header's value, its name in lower case; empty if it is not there."""
        return {key.lower(): value for key, value in _HEADERS.decode(self.headers).items()}.get(name, "")


_RESPONSES: msgspec.json.Decoder[_Responses] = msgspec.json.Decoder(_Responses)
_RESPONSE: msgspec.json.Decoder[_Response] = msgspec.json.Decoder(_Response)
_HEADERS: msgspec.json.Decoder[dict[str, str]] = msgspec.json.Decoder(dict[str, str])


class Batches:
    """GETs of collections of one version of Graph, ``MOST`` at most in a request."""

    def __init__(self, transport: Transport, api: str) -> None:
        self._transport = transport
        self._url = f"{transport.root(api)}/$batch"

    async def collections(self, urls: Sequence[str], *, units: int) -> list[Item]:
        """Return what is at each URL (relative to the version), in order. ``units``: what each costs.

        Raises as ``Transport.get`` does for trouble, and for a token that is refused.
        """
        found: dict[int, Item] = {}
        renewed = False

        async def ask() -> None:
            nonlocal renewed
            left = [n for n in range(len(urls)) if n not in found]
            cost = units * len(left)
            answer = await self._transport.post(self._url, _body(left, urls), _parsed, units=cost)
            await self._transport.tell(_most_used(answer))
            refused = [n for n in left if n in answer and answer[n].code == 401]
            if refused and not renewed:
                renewed = True
                await self._transport.renew(answer[refused[0]].header("www-authenticate"))
                await _take(answer, [n for n in left if n not in refused], found)
                raise GraphTrouble("Graph asks for a newer token.", 0.0, answer[refused[0]].request_id)
            await _take(answer, left, found)

        await self._transport.patiently(ask)
        return [found[n] for n in range(len(urls))]


async def _take(answer: Mapping[int, _Response], left: Sequence[int], found: dict[int, Item]) -> None:
    """Keeps what was answered well. Raises the trouble of one of the others, with the longest wait asked for."""
    troubles: list[GraphTrouble] = []
    for n in left:
        if n not in answer:
            troubles.append(GraphTrouble("Graph's answer lacks an item of the batch."))
            continue
        try:
            found[n] = await _page(answer[n])
        except NotFound:
            found[n] = None
        except TokenRefused:
            raise
        except Skip as skip:
            found[n] = skip
        except GraphTrouble as trouble:
            troubles.append(trouble)
        except ValueError:
            troubles.append(GraphTrouble("An answer in Graph's batch is no page.", None, answer[n].request_id))
    if troubles:
        raise max(troubles, key=lambda trouble: (trouble.after or 0.0, isinstance(trouble, Throttled)))


async def _page(item: _Response) -> slicer.Envelope:
    if item.code == 200:
        return await slicer.collection(bytes(item.body))
    after = seconds_of(item.header("retry-after"))
    raise meaning(item.code, code_of(bytes(item.body)), resuming=False, after=after, request_id=item.request_id)


def _most_used(answer: Mapping[int, _Response]) -> str:
    return max((item.header("x-ms-throttle-limit-percentage") for item in answer.values()), default="")


def _body(left: Sequence[int], urls: Sequence[str]) -> bytes:
    requests = [{"id": str(n), "method": "GET", "url": urls[n], "headers": _PREFER} for n in left]
    return msgspec.json.encode({"requests": requests})


async def _parsed(body: bytes) -> dict[int, _Response]:
    """The items of an answer by the numbers that they were asked under. Raises ValueError if it is none."""
    responses = slicer.read(slicer.on_one_line(body), _RESPONSES).responses
    items = [slicer.read(response, _RESPONSE) for response in responses]
    return {int(bytes(item.id).strip(b'"')): item for item in items}
