"""A TLS-inspecting proxy, as companies have them. It ends TLS with a certificate of its own authority."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import trustme


class Proxy:
    """``url`` is the value for HTTPS_PROXY, ``ca_file`` the authority to trust, ``hosts`` the requested hosts."""

    def __init__(self, folder: Path, upstream_ca: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file = folder / "proxy-ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._upstream = ssl.create_default_context(cafile=upstream_ca)
        self.hosts: list[str] = []
        self.plaintext = b""
        """The decrypted traffic."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one CONNECT, end its TLS, and forward both directions."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            if method != b"CONNECT":
                return
            host, _, port = target.decode().rpartition(":")
            self.hosts.append(host)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(own)
            await writer.start_tls(own)
            upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port), ssl=self._upstream)
            await asyncio.gather(self._forward(reader, upstream_writer), self._forward(upstream_reader, writer))
        writer.close()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                self.plaintext += data
                sink.write(data)
                await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def inspecting_proxy(folder: Path, upstream_ca: Path) -> AsyncIterator[Proxy]:
    """Run a proxy during the block."""
    proxy = Proxy(folder, upstream_ca)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
