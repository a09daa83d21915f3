"""The Graph simulator as a separate process, with its controls, for tests of Graph clients."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

DIRECTORY_ID = "22222222-2222-2222-2222-222222222222"
CLIENT_ID = "11111111-1111-1111-1111-111111111111"
SECRET = "simulated-secret"


class Simulator:
    """A running simulator. ``url`` is Graph and sign-in service at once, ``ca_file`` its certificate authority."""

    def __init__(self, url: str, ca_file: Path) -> None:
        self.url = url
        self.ca_file = ca_file
        self._http = httpx.Client(base_url=f"{url}/_sim", verify=ssl.create_default_context(cafile=ca_file))

    def close(self) -> None:
        self._http.close()

    def change(self, *changes: bytes) -> None:
        """Change the directory; each change is the text of a JSON object."""
        self._post("changes", b"[" + b",".join(changes) + b"]")

    def apply(self, op: str, path: str, value: Any = None) -> None:
        """Apply one change, whose value need not be stored byte for byte."""
        given = {} if value is None else {"value": value}
        self.change(json.dumps({"op": op, "path": path, **given}).encode())

    def create(self, path: str, *values: bytes) -> None:
        """Create objects or links with these bytes."""
        self.change(*(b'{"op":"create","path":"%b","value":%b}' % (path.encode(), value) for value in values))

    def set(self, what: str, value: Any) -> None:
        """Post to ``apps``, ``clock``, ``delta`` or ``faults``."""
        answer = self._http.post(f"/{what}", json=value)
        assert answer.status_code == 200, answer.text

    def fault(self, what: str, path: str = "/v1.0/", times: int = 1, query: str = "", **more: Any) -> None:
        """Add a fault for requests whose path and query match."""
        self.set("faults", [{"what": what, "match": {"path": path, "query": query}, "times": times, **more}])

    def objects(self, path: str) -> list[bytes]:
        """Return the stored values."""
        return self._http.get("/objects", params={"path": path}).content.splitlines()

    def request_count(self, path: str, method: str | None = None) -> int:
        """Return how many requests a path has had since ``forget``, with the method if one is given."""
        rows = self._http.get("/requests").json()
        return sum(row["count"] for row in rows if row["path"] == path and method in (None, row["method"]))

    def created(self, path: str) -> int:
        """Return how many objects of a collection were created through Graph since ``forget``. Fail if any was twice."""
        row = self._http.get("/created").json().get(path, {"created": 0, "repeated": {}})
        assert row["repeated"] == {}, "created more than once"
        count: int = row["created"]
        return count

    def paths(self) -> frozenset[str]:
        """Return the paths that had a request since ``forget``."""
        return frozenset(row["path"] for row in self._http.get("/requests").json())

    def fired(self) -> list[int]:
        """Return how often each fault has fired."""
        return [fault["fired"] for fault in self._http.get("/faults").json()]

    def forget(self) -> None:
        """Clear the counters and the faults. Fail if a fault has not fired as often as planned."""
        unspent = [fault for fault in self._http.get("/faults").json() if fault["fired"] != fault.get("times", 1)]
        self._http.delete("/faults")
        self._post("reset-counters", b"")
        assert not unspent

    def clear_faults(self) -> None:
        """Remove the faults, fired or not."""
        self._http.delete("/faults")

    def _post(self, what: str, body: bytes) -> None:
        answer = self._http.post(f"/{what}", content=body)
        assert answer.status_code == 200, answer.text


@contextmanager
def simulated_graph(folder: Path, *options: str) -> Iterator[Simulator]:
    """Run a simulator during the block."""
    ca_file = folder / "graph-ca.pem"
    command = [sys.executable, "-m", "simulator", "graph", "--port", "0", "--ca-file", str(ca_file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            word, _, url = process.stdout.readline().strip().partition(" ")
            assert word == "ready", "the simulator did not start"
            simulator = Simulator(url, ca_file)
            try:
                yield simulator
            finally:
                simulator.close()
        finally:
            process.terminate()
