"""Which names a server answers to: those that nobody else on the network can answer for, and those it was told."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hubs import running_hub

from hub.app import hub_names
from stinercut.own_names import host_name, is_loopback, names_of_this_machine, own_names
from stinercut.settings import Settings

LOOPBACK_NAMES = ("127.0.0.1:8800", "127.9.9.9", "[::1]:8800", "::1", "localhost:8800", "LOCALHOST.", "b.localhost:80")
ADDRESSES = ("10.0.0.2", "10.0.0.2:8800", "[fd00::12]", "[fe80::1%eth0]:8800", "192.168.1.7:80")
OF_THE_NETWORK = (
    *("evil.lan", "evil.local:8800", "evil.internal", "evil.home.arpa", "evil", "hub:8800", "com"),
    *("2130706433", "0x7f000001", "0x7f.1", "127.1", "stinercut.jumps.svc.cluster.local"),
)
"""Names that anybody on a shared network may answer for."""
OF_OTHERS = (
    *("", ":8800", "evil.example", "board.example.org.evil.example", "127.0.0.1.evil.example", "evil.example:8800"),
    *("[::1", "a@localhost", "localhost/x", "localhost evil", "127.0.0.1.nip.io", "localhost.evil.example", "::1::1"),
)


@pytest.mark.parametrize("host", LOOPBACK_NAMES)
@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0"])
def test_loopback_names_are_ours_wherever_we_listen(listens_on: str, host: str) -> None:
    assert own_names(listens_on, ()).include(host)


@pytest.mark.parametrize("host", ADDRESSES)
def test_addresses_are_ours_beyond_loopback_only(host: str) -> None:
    assert own_names("0.0.0.0", ()).include(host)
    assert not own_names("127.0.0.1", ()).include(host)
    assert own_names("127.0.0.1", (host,)).include(host), "a proxy's address that was named"


@pytest.mark.parametrize("host", [*OF_THE_NETWORK, *OF_OTHERS])
@pytest.mark.parametrize("listens_on", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.2", "::"])
def test_no_name_is_ours_that_was_not_named(listens_on: str, host: str) -> None:
    assert not own_names(listens_on, ("board.example.org",), ("laptop", "laptop.example.org")).include(host)


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0"])
def test_names_from_settings_are_ours(listens_on: str) -> None:
    named = ("Board.example.ORG", "", "hub.lan:8800", "https://films.example.org:8443/board", "https://[fd00::7]/x")
    names = own_names(listens_on, named)
    for host in ("board.example.org:443", "BOARD.example.org.", "hub.lan", "films.example.org", "[fd00::7]:80"):
        assert names.include(host)
    assert not names.include("example.org")


def test_this_machines_name_is_ours_where_it_leads_to_us() -> None:
    assert own_names("0.0.0.0", (), ("laptop", "laptop.example.org")).include("Laptop:8800")
    assert not own_names("127.0.0.1", (), ("laptop",)).include("laptop")
    assert not own_names("0.0.0.0", (), ("laptop",)).include("laptop.local"), "any machine answers for it"
    assert own_names("hub.lan", ()).include("hub.lan:8800"), "where it was told to listen"


@pytest.mark.parametrize(
    ("full", "names"),
    [("laptop.example.org", ("laptop", "laptop.example.org")), ("evil.example", ("laptop",)), ("laptop", ("laptop",))],
)
def test_a_name_server_gives_us_no_other_name(
    monkeypatch: pytest.MonkeyPatch, full: str, names: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Laptop")
    monkeypatch.setattr(socket, "getfqdn", lambda _name: full)
    assert names_of_this_machine() == names


@given(st.text(max_size=40))
def test_any_header_has_an_answer(host: str) -> None:
    name = host_name(host)
    assert own_names("127.0.0.1", ()).include(host) == (name.split(".")[-1] == "localhost" or is_loopback(name))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.7", False), ("hub.local", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_hub_takes_its_names_from_settings_and_this_machine(tmp_path: Path) -> None:
    chosen = {"data": tmp_path, "hub_names": "board.lan, board", "hub_public_url": "https://films.example.org"}
    on_loopback = hub_names(Settings.model_validate(chosen))
    assert all(map(on_loopback.include, ("board.lan", "board:8800", "films.example.org")))
    assert not on_loopback.include(socket.gethostname())
    assert hub_names(Settings.model_validate({**chosen, "host": "0.0.0.0"})).include(socket.gethostname())


def test_a_hub_on_loopback_answers_to_loopback_names_alone(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        ask = {
            name: httpx.get(f"{hub.url}/api/jumps", headers={"host": name}) for name in ("localhost", *OF_THE_NETWORK)
        }
        assert {name: answer.status_code for name, answer in ask.items()} == {
            "localhost": 200,
            **dict.fromkeys(OF_THE_NETWORK, 403),
        }
        assert "STINERCUT_HUB_NAMES" in ask["evil.lan"].json()["error"]["advice"]
