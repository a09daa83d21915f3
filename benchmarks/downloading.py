"""Only downloads the pages of delta rounds with httpx, and says as JSON what that took. A process of its own.

Arguments: Graph's URL, the file of authorities to trust, directory id, client id, secret, then the streams, by name.
"""

import re
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec

from benchmarks.measure import Measure, peak
from shared.domain.resources import STREAMS

_NEXT = re.compile(rb'"@odata\.nextLink":"([^"]+)"')


@contextmanager
def client_of(graph_url: str, ca_file: str, directory_id: str, client_id: str, secret: str) -> Iterator[httpx.Client]:
    """A client that has signed in, with TLS and gzip as the backup has them."""
    authority = ssl.create_default_context(cafile=ca_file)
    with httpx.Client(base_url=graph_url, verify=authority, timeout=60, trust_env=False) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": f"{graph_url}/.default",
        }
        token = client.post(f"/{directory_id}/oauth2/v2.0/token", data=form).raise_for_status().json()
        client.headers.update({"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"})
        yield client


def pages(client: httpx.Client, stream: str) -> Iterator[httpx.Response]:
    """The answers of one stream's first delta round, one after the other, with the selection that the backup asks for."""
    link = f"/v1.0{STREAMS[stream].path}?$select={','.join(STREAMS[stream].selected)}"
    while link:
        answer = client.get(link).raise_for_status()
        yield answer
        found = _NEXT.search(answer.content)
        link = found[1].decode() if found else ""


def download(streams: list[str], *where: str) -> Measure:
    """Each stream's round from its first page to its delta link; each page is dropped."""
    begun, worked = time.perf_counter(), time.process_time()
    counts = {"pages": 0, "json": 0, "received": 0}
    steps: dict[str, float] = {}
    with client_of(*where) as client:
        for stream in streams:
            began = time.perf_counter()
            for answer in pages(client, stream):
                counts["pages"] += 1
                counts["json"] += len(answer.content)
                counts["received"] += answer.num_bytes_downloaded
            steps[f"read, {stream}"] = time.perf_counter() - began
    return Measure(
        seconds=time.perf_counter() - begun,
        cpu_seconds=time.process_time() - worked,
        peak=peak(),
        counts=counts,
        steps=steps,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(download(sys.argv[6:], *sys.argv[1:6])))
