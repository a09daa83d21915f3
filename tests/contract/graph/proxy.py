"""A proxy that looks into TLS, as companies have them: it ends the connection with a certificate of its own authority."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import trustme


class Proxy:
    """``url`` is what HTTPS_PROXY names, ``ca_file`` the authority to trust, ``asked`` the hosts that were asked for."""

    def __init__(self, folder: Path, upstream_ca: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file = folder / "proxy-ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._upstream = ssl.create_default_context(cafile=upstream_ca)
        self.asked: list[str] = []
        self.seen = b""
        """What went through in the clear."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One CONNECT: answered, taken over, and handed on both ways."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            if method != b"CONNECT":
                return
            host, _, port = target.decode().rpartition(":")
            self.asked.append(host)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(own)
            await writer.start_tls(own)
            there, onward = await asyncio.open_connection(host, int(port), ssl=self._upstream)
            await asyncio.gather(self._hand_on(reader, onward), self._hand_on(there, writer))
        writer.close()

    async def _hand_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                self.seen += data
                sink.write(data)
                await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def inspecting_proxy(folder: Path, upstream_ca: Path) -> AsyncIterator[Proxy]:
    """A proxy for as long as the block lasts."""
    proxy = Proxy(folder, upstream_ca)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
