"""Blind at rest: canaries go through backup, download, failures and a kill; then everything that is left is searched."""

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from shared.domain.errors import Code
from shared.domain.model import JobKind, JobState, Tenant
from shared.domain.resources import STREAMS, Reading
from shared.engine.here import begun_here
from tests.flow.stack import Stack, running_stack, until

pytestmark = pytest.mark.flow

NAME, DESCRIPTION, ANSWER = "Canary-Walter-51c08d2e77", "canary-purpose-0b7e4419aa", "canary-answer-e2c95a6f30"
CLIENT, SECRET, WRONG = "cccccccc-1111-4111-8111-111111111111", "canary-secret-94d1f6b8c3", "canary-wrong-6a20f7d15e"
BEARER = base64.b64encode(b'{"typ": "JWT"')[:12].decode()
"""What every token of the simulator begins with."""


def forms(text: str) -> list[bytes]:
    """A text as it might stand somewhere: as it is, in UTF-16, in hex, and in Base64 at each alignment."""
    plain = text.encode()
    found = [plain, text.encode("utf-16-le"), plain.hex().encode()]
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        start, stop = (0, 2, 3)[before], len(whole) if (len(plain) + before) % 3 == 0 else -4
        found.append(whole[start:stop])
    return found


def test_a_canary_is_found_in_every_form() -> None:
    for before in range(3):
        assert any(form in base64.b64encode(b"x" * before + NAME.encode() + b"yz") for form in forms(NAME))
    assert any(form in f'"{NAME}"'.encode("utf-16-le") for form in forms(NAME))


@contextmanager
def monitored(url: str) -> Iterator[bytearray]:
    """All that anybody says to Redis meanwhile."""
    heard = bytearray()
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port)) as listener:
        listener.sendall(b"MONITOR\r\n")

        def listen() -> None:
            while said := listener.recv(65536):
                heard.extend(said)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def left_in_redis(url: str) -> bytes:
    """Every key with its value."""
    found = []
    with closing(redis.Redis.from_url(url)) as client:
        reads: dict[bytes, Callable[[bytes], object]] = {
            b"string": client.get,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"hash": client.hgetall,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        for key in client.scan_iter():
            kind = client.type(key)
            found.append(repr((key, reads[kind](key) if kind in reads else b"")).encode())
    return b"\n".join(found)


def flower_pages(stack: Stack) -> dict[str, bytes]:
    """Every page of Flower that shows a worker or a task."""
    tasks = re.findall(r"Task entrakeep\.step\[([0-9a-f-]+)\] received", (stack.home / "worker.log").read_text())
    paths = ["/", "/workers", f"/worker/worker@{socket.gethostname()}", "/tasks", "/broker", "/metrics"]
    paths += [f"/task/{task}" for task in tasks]
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.flower_port}", trust_env=False, timeout=20) as client:
        return {f"Flower {path}": client.get(path).content for path in paths}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cursors(stack: Stack, tenant: Tenant) -> list[str]:
    """The tokens in the cursors of the newest snapshot."""
    with begun_here(stack.context, tenant, JobKind.BROWSE, "latest") as (_, manifest):
        links = [state.cursor for state in manifest.streams if state.cursor]
    return [link.partition("deltatoken=")[2] for link in links]


def killed_while_reading(stack: Stack, tenant: Tenant) -> None:
    """The worker is killed with pages in its memory."""
    stack.graph.post("delta", {"page_size": 10})
    stack.graph.post("reset-counters")
    stack.graph.fault({"match": {"path": "/delta", "query": "skiptoken"}, "skip": 2, "what": "slow", "seconds": 600})
    job = stack.ask(tenant, full=True)
    until(lambda: stack.of(tenant).jobs.get(job.job_id).state is JobState.RUNNING, "the backup runs")
    until(lambda: stack.graph.count("/v1.0/(users|groups)/delta") >= 3, "pages are read")
    stack.kill("worker")


def test_nothing_private_is_left_anywhere(tmp_path: Path) -> None:
    store = f"file://{tmp_path}/home/store"
    with running_stack(
        tmp_path, "--users", "80", "--groups", "12", "--applications", "9", "--policies", "4", store=store
    ) as stack:
        stack.start("beat", "worker", "flower")
        graph = stack.graph
        user, group = graph.ids("users")[3], graph.ids("groups")[2]
        graph.change(("update", f"users/{user}", {"displayName": NAME, "surname": NAME}))
        graph.change(("update", f"groups/{group}", {"description": DESCRIPTION}))
        app = {"client_id": CLIENT, "secret": SECRET, "permissions": ["Directory.Read.All", "Policy.Read.All"]}
        graph.post("apps", app)
        with monitored(stack.redis.url) as said:
            tenant = stack.add("blind", CLIENT, SECRET)
            stack.backup(tenant)
            records = stack.download(tenant)
            assert NAME.encode() in records[f"users/{user}"]
            assert DESCRIPTION.encode() in records[f"groups/{group}"]
            verified = stack.ended(stack.ask(tenant, JobKind.VERIFY))
            assert verified.state is JobState.SUCCEEDED

            body = {"error": {"code": "Request_BadRequest", "message": f"Wrong: {ANSWER} of {NAME}"}}
            graph.fault(
                {"match": {"path": "/users/delta"}, "times": 9, "what": "status", "status": 400, "body": body},
                {"match": {"path": "/groups/delta"}, "what": "garbage", "body": f'{{"value":[{{"{ANSWER}'},
            )
            stack.backup(tenant, state=JobState.SUCCEEDED_WITH_WARNINGS)
            graph.clear_faults()
            graph.post("apps", {**app, "secret": WRONG})
            assert stack.backup(tenant, state=JobState.FAILED).code is Code.GRAPH_SIGN_IN_FAILED
            graph.post("apps", app)

            pages = flower_pages(stack)
            killed_while_reading(stack, tenant)
            tokens = cursors(stack, tenant)
            places = {**files(stack.home), **pages, "Redis now": left_in_redis(stack.redis.url)}
        places["Redis ever"] = bytes(said)

    # The search looks where things are: ids, which may stand anywhere, are found.
    assert any(tenant.tenant_id.encode() in places[page] for page in pages if page.startswith("Flower /task/"))
    for place in (f"{stack.home}/catalog.sqlite3-wal", f"{stack.home}/worker.log", "Redis ever"):
        assert any(form in places[place] for form in forms(tenant.tenant_id)), place
    assert len(tokens) == sum(stream.reading is Reading.DELTA for stream in STREAMS.values())
    secrets = [NAME, DESCRIPTION, ANSWER, SECRET, WRONG, BEARER, "skiptoken", *tokens]
    found = [
        (secret, place)
        for secret in secrets
        for place, text in places.items()
        if any(form in text for form in forms(secret))
    ]
    assert found == []
