"""TLS without sockets: plain bytes on one side, records on the other, over a memory BIO.

Certificates are not judged here: a trace must get through to show the way; what is wrong with a certificate
is for other rules to say.
"""

from __future__ import annotations

import ssl


class TLSLayer:
    """The client's side of a TLS connection. Feed it records, take from it what is to be sent."""

    def __init__(self, server_name: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.established = False

    def feed(self, data: bytes) -> None:
        """Takes records from the peer; b"" = it has closed the connection."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def advance(self) -> None:
        """Goes on with the handshake as far as it can. Raises ssl.SSLError when it fails."""
        if not self.established:
            try:
                self._object.do_handshake()
                self.established = True
            except ssl.SSLWantReadError:
                pass

    def send(self, data: bytes) -> None:
        self._object.write(data)

    def received(self) -> bytes | None:
        """The next plain bytes; b"" = the peer has finished, None = more records are needed."""
        try:
            return self._object.read(65_536)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def to_send(self) -> bytes:
        return self._outgoing.read()
