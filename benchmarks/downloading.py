"""Download the pages of delta rounds with httpx, and print the measurements as JSON. Runs as a separate process.

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
    """Yield a client that has signed in, with the TLS and gzip settings of the backup."""
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
    """Yield the answers of one stream's first delta round, with the same ``$select`` as the backup."""
    link = f"/v1.0{STREAMS[stream].path}?$select={','.join(STREAMS[stream].selected)}"
    while link:
        answer = client.get(link).raise_for_status()
        yield answer
        match = _NEXT.search(answer.content)
        link = match[1].decode() if match else ""


def download(streams: list[str], *where: str) -> Measure:
    """Download each stream's delta round, from its first page to its delta link. Drop each page.

    Return the measurements.
    """
    started_at, cpu_before = time.perf_counter(), time.process_time()
    counts = {"pages": 0, "json": 0, "received": 0}
    steps: dict[str, float] = {}
    with client_of(*where) as client:
        for stream in streams:
            stream_started_at = time.perf_counter()
            for answer in pages(client, stream):
                counts["pages"] += 1
                counts["json"] += len(answer.content)
                counts["received"] += answer.num_bytes_downloaded
            steps[f"read, {stream}"] = time.perf_counter() - stream_started_at
    return Measure(
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        peak=peak(),
        counts=counts,
        steps=steps,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(download(sys.argv[6:], *sys.argv[1:6])))
