"""Only downloads the pages of the users' delta round with httpx, and says as JSON what that took. A process of its own.

Arguments: Graph's URL, the file of authorities to trust, the query of the first page, directory id, client id, secret.
"""

import re
import ssl
import sys
import time

import httpx
import msgspec

from benchmarks.measure import Measure, peak

_NEXT = re.compile(rb'"@odata\.nextLink":"([^"]+)"')


def download(graph_url: str, ca_file: str, query: str, directory_id: str, client_id: str, secret: str) -> Measure:
    """One round from its first page to its delta link, TLS and gzip as the backup has them; each page is dropped."""
    authority = ssl.create_default_context(cafile=ca_file)
    begun, worked = time.perf_counter(), time.process_time()
    with httpx.Client(verify=authority, timeout=60, trust_env=False) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": f"{graph_url}/.default",
        }
        token = client.post(f"{graph_url}/{directory_id}/oauth2/v2.0/token", data=form).raise_for_status().json()
        headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
        pages, received, travelled = 0, 0, 0
        url = f"{graph_url}/v1.0/users/delta?{query}"
        while url:
            answer = client.get(url, headers=headers).raise_for_status()
            body = answer.content
            pages, received = pages + 1, received + len(body)
            travelled += answer.num_bytes_downloaded
            link = _NEXT.search(body)
            url = link[1].decode() if link else ""
    return Measure(
        seconds=time.perf_counter() - begun,
        cpu_seconds=time.process_time() - worked,
        peak=peak(),
        counts={"pages": pages, "json": received, "received": travelled},
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(download(*sys.argv[1:])))
