"""Search everything that is stored for texts that must be stored nowhere."""

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import redis


def forms(text: str) -> list[bytes]:
    """Return the possible forms of a text: plain, UTF-16, hex, and Base64 at each alignment."""
    plain = text.encode()
    results = [plain, text.encode("utf-16-le"), plain.hex().encode()]
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + plain)
        start, stop = (0, 2, 3)[offset], len(encoded) if (len(plain) + offset) % 3 == 0 else -4
        results.append(encoded[start:stop])
    return results


@contextmanager
def monitor(url: str) -> Iterator[bytearray]:
    """Collect all commands that clients send to Redis meanwhile."""
    commands = bytearray()
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port)) as listener:
        listener.sendall(b"MONITOR\r\n")

        def listen() -> None:
            while data := listener.recv(65536):
                commands.extend(data)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield commands
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def redis_content(url: str) -> bytes:
    """Return every key in Redis with its value."""
    entries = []
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
            entries.append(repr((key, reads[kind](key) if kind in reads else b"")).encode())
    return b"\n".join(entries)


def flower_pages(address: str, worker_log: Path, login: tuple[str, str] | None = None) -> dict[str, bytes]:
    """Return every page of Flower that shows a worker or a task of this log, and the answers of its API."""
    tasks = re.findall(r"Task [a-z._]+\[([0-9a-f-]+)\] received", worker_log.read_text())
    paths = ["/", "/workers", f"/worker/worker@{socket.gethostname()}", "/tasks", "/broker", "/metrics"]
    paths += ["/api/workers", "/api/tasks?limit=10000", "/api/task/types", "/api/queues/length"]
    assert tasks
    paths += [f"{before}{task}" for task in tasks for before in ("/task/", "/api/task/info/")]
    with httpx.Client(base_url=address, auth=login, trust_env=False, timeout=20) as client:
        answers = {path: client.get(path) for path in paths}
    # Flower does not know the tasks of a worker that was killed before it told of them.
    assert all(answer.status_code in (200, 404) for answer in answers.values())
    return {f"Flower {path}": answer.content for path, answer in answers.items()}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def matches(secrets: Iterable[str], places: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return each secret that is in a place, in any form, with the place's name."""
    return [
        (secret, place)
        for secret in secrets
        for place, text in places.items()
        if any(form in text for form in forms(secret))
    ]
