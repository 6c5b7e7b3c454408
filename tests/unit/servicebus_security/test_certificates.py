"""The authority stays, the server's certificate fits the names the bus is reached by."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from infra.local.servicebus import ConfigError, TlsFiles
from infra.local.servicebus.server.security import Tls, certificates


def handshake(server: ssl.SSLContext, ca_file: Path, name: str) -> None:
    """Raises ssl.SSLError when a client that trusts the authority does not accept the server."""
    trusting = ssl.create_default_context(cafile=str(ca_file))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, serving]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "::1", "ns.servicebus.localhost", "bus.test"]
)
def test_a_client_that_trusts_the_authority_accepts_every_name_of_the_bus(
    tmp_path: Path, name: str
) -> None:
    tls = Tls(tmp_path, "bus.test")

    handshake(tls.context, tls.ca_file, name)


def test_other_names_are_not_accepted(tmp_path: Path) -> None:
    tls = Tls(tmp_path, "127.0.0.1")

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls.context, tls.ca_file, "example.org")


def test_the_authority_outlives_the_bus(tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(Tls(tmp_path, "127.0.0.1").ca_file.read_bytes())

    again = Tls(tmp_path, "127.0.0.1")

    handshake(again.context, trusted, "localhost")


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    _ = Tls(tmp_path, "127.0.0.1").context

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes[certificates.CA_KEY_FILE] == modes[certificates.SERVER_FILE] == 0o600


def test_an_authority_about_to_end_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr(certificates, "_CA_LIFE", timedelta(days=30))
        old = Tls(tmp_path, "127.0.0.1").ca_file.read_bytes()

    tls = Tls(tmp_path, "127.0.0.1")

    assert tls.ca_file.read_bytes() != old
    handshake(tls.context, tls.ca_file, "localhost")


def test_without_a_folder_the_authority_ends_with_the_bus() -> None:
    tls = Tls(None, "127.0.0.1")
    ca_file = tls.ca_file
    assert ca_file.exists()

    tls.close()

    assert not ca_file.exists()


def test_a_certificate_of_ones_own_is_served(tmp_path: Path) -> None:
    _ = Tls(tmp_path, "127.0.0.1").context
    files = TlsFiles(tmp_path / certificates.SERVER_FILE, tmp_path / certificates.SERVER_FILE)

    own = Tls(None, "127.0.0.1", files)

    handshake(own.context, tmp_path / certificates.CA_FILE, "localhost")
    assert own.ca_file == files.certificate


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    missing = TlsFiles(tmp_path / "mine.pem", tmp_path / "mine-key.pem")

    with pytest.raises(ConfigError, match=r"mine\.pem cannot be used"):
        Tls(None, "127.0.0.1", missing).check()


def test_threads_that_ask_at_the_same_time_get_the_same_authority() -> None:
    tls = Tls(None, "127.0.0.1")
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(lambda: tls.ca_file.read_bytes()) for _ in range(8)]

    assert len({each.result() for each in asked}) == 1
    tls.close()
