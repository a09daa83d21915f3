"""Several writes in one request (Graph: "Combine multiple HTTP requests using JSON batching").

Graph answers and throttles each item by itself. Items that Graph throttles are sent again, in a batch of their own.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from shared.adapters.graph.batches import BatchItem, parsed_batch
from shared.adapters.graph.connection import AnswerLost, Response
from shared.adapters.graph.writing.sender import LOST, PRIORITY, THROTTLED, Sender, answer_of, is_throttled
from shared.domain.errors import GraphTrouble
from shared.ports.directory import WriteAnswer, WriteRequest

_JSON = {"Content-Type": "application/json"}


class WriteBatch:
    """At most 20 writes of one version and one bucket, whose bodies are JSON. Use it once."""

    def __init__(self, sender: Sender, writes: Sequence[WriteRequest]) -> None:
        """Prepare to send the writes."""
        self._sender = sender
        self._writes = writes
        self._answers: dict[int, WriteAnswer] = {}

    async def send(self) -> list[WriteAnswer]:
        """Send the writes.

        Return their answers in order, ``THROTTLED`` for each that Graph certainly did not carry out. Raises
        GraphTrouble if Graph certainly carried out none of them.
        """
        bucket = self._writes[0].bucket
        waits = self._sender.throttle_waits(bucket)
        while remaining := [n for n in range(len(self._writes)) if n not in self._answers]:
            body = _body(remaining, self._writes)
            try:
                response = await self._sender.post_batch(self._writes[0].api, bucket, len(remaining), body)
            except AnswerLost:
                self._answers |= dict.fromkeys(remaining, LOST)
                break
            except GraphTrouble:
                if not self._answers:
                    raise
                break
            throttled, after = await self._take(remaining, response)
            if throttled and not await waits.wait(after):
                break
        return [self._answers.get(n, THROTTLED) for n in range(len(self._writes))]

    async def _take(self, numbers: Sequence[int], response: Response) -> tuple[bool, float | None]:
        """Store the final answers to these writes. Return True if Graph throttles others, and how long to wait."""
        if is_throttled(response.status, response.retry_after):
            return True, response.retry_after
        if 400 <= response.status < 500:
            await self._send_singly(numbers)  # Graph refused the batch, and carried nothing out
            return False, None
        items = _items(response)
        throttled = [n for n in numbers if n in items and is_throttled(items[n].code, items[n].retry_after)]
        to_renew = (401, 403) if self._sender.shares_token else (401,)
        refused = [n for n in numbers if n in items and items[n].code in to_renew]
        for n in numbers:
            if n not in items:
                self._answers[n] = LOST
            elif n not in throttled and n not in refused:
                item = items[n]
                self._answers[n] = answer_of(self._writes[n], item.code, bytes(item.body), item.request_id)
        await self._send_singly(refused)  # with a newer token, or with the claims that Graph requires
        waits = [items[n].retry_after for n in throttled]
        return bool(throttled), max((wait for wait in waits if wait is not None), default=None)

    async def _send_singly(self, numbers: Sequence[int]) -> None:
        """Send these writes one by one, and store their answers."""
        for n in numbers:
            try:
                self._answers[n] = await self._sender.send(self._writes[n])
            except GraphTrouble:
                self._answers[n] = THROTTLED


def _items(response: Response) -> dict[int, BatchItem]:
    """Return the items of the answer by number: none if the answer is cut or no answer to a batch."""
    try:
        return parsed_batch(response.body) if response.status == 200 else {}
    except ValueError:
        return {}


def _body(numbers: Sequence[int], writes: Sequence[WriteRequest]) -> bytes:
    """Return the JSON of a batch with these writes."""
    return msgspec.json.encode({"requests": [_request(n, writes[n]) for n in numbers]})


def _request(number: int, write: WriteRequest) -> dict[str, object]:
    """Return one write as an item of a batch."""
    headers = {**PRIORITY, **write.headers, **({} if write.body is None else _JSON)}
    item: dict[str, object] = {"id": str(number), "method": write.method, "url": write.path, "headers": headers}
    return item if write.body is None else {**item, "body": Raw(write.body)}
