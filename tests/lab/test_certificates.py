"""The lab's authority: a client that trusts it, and only such a client, accepts what it signs, by name."""

from __future__ import annotations

import ssl

import pytest

from kinspect.lab.certificates import Authority, Pair


def handshake(pair: Pair, trusted: bytes, name: str, tmp_path) -> None:
    """A whole TLS handshake in memory. Raises ssl.SSLCertVerificationError."""
    (tmp_path / "pair.pem").write_bytes(pair.certificate + pair.key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "pair.pem")
    client_context = ssl.create_default_context(cadata=trusted.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
        if not waiting:
            return
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("name", ["shop.example.test", "a.shop.example.test", "127.0.0.1"])
def test_a_certificate_holds_for_its_names(name, tmp_path):
    authority = Authority()
    pair = authority.issue("shop.example.test", "*.shop.example.test", "127.0.0.1")
    handshake(pair, authority.certificate, name, tmp_path)


@pytest.mark.parametrize("name", ["example.test", "a.b.shop.example.test", "127.0.0.2"])
def test_and_for_no_other(name, tmp_path):
    authority = Authority()
    pair = authority.issue("shop.example.test", "*.shop.example.test", "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pair, authority.certificate, name, tmp_path)


def test_another_authority_is_not_trusted(tmp_path):
    pair = Authority().issue("shop.example.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pair, Authority().certificate, "shop.example.test", tmp_path)
