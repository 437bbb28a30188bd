"""Slow senders, too many connections, bodies that are too large: each ends, and the hub answers everybody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from support.bounded import openapi_of
from support.hubs import RunningHub, running_hub

from hub.app import create_app
from hub.kit import connections
from hub.kit.connections import BoundedProtocol, is_one_too_many
from hub.kit.request_body import MOST, THROWN_AWAY, is_bounded_by_its_route
from stinercut.settings import Settings

PATIENCE_S = 30


async def counted(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of what was sent."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@contextmanager
def serving() -> Iterator[int]:
    """That application behind the hub's protocol; gives its port."""
    config = uvicorn.Config(counted, http=BoundedProtocol, lifespan="off", log_level="error", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


def connect(port: int, said: bytes = b"") -> socket.socket:
    """A connection that has said this."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    opened.sendall(said)
    return opened


def is_closed(opened: socket.socket) -> bool:
    """Whether the other side ends the connection; waits for that."""
    try:
        while opened.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def status_of(opened: socket.socket) -> int:
    """The status of the next answer, which is read to its end."""
    said = b""
    while not said.endswith((b"0\r\n\r\n", b"close\r\n\r\n")):
        said += opened.recv(100)
    return int(said.split()[1])


def answers(port: int) -> bool:
    return httpx.post(f"http://127.0.0.1:{port}", content=b"x" * 200_000, timeout=PATIENCE_S).text == "200000"


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HT", HEAD, HEAD + b"\r\n", HEAD + b"\r\nabc", GET + b"\r\n", GET + HEAD],
    ids=["nothing", "a line", "headers", "no body", "a little body", "a blank after a request", "the next headers"],
)
def test_who_begins_and_does_not_go_on_is_let_go(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)
    monkeypatch.setattr(connections, "BODY_LOOK_S", 0.2)
    with serving() as port, connect(port, said) as slow:
        assert is_closed(slow)
        assert answers(port)


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", HEAD + b"\r\n"], ids=["headers", "body"])
def test_who_goes_on_a_byte_at_a_time_is_let_go(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    monkeypatch.setattr(connections, "BODY_LOOK_S", 0.3)
    with serving() as port, connect(port, begun) as slow:
        slow.settimeout(0.02)
        ended = False
        for _ in range(int(PATIENCE_S / 0.02)):
            try:
                slow.sendall(b"a")
                ended = slow.recv(100) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
            if ended:
                break
        assert ended
        assert answers(port)


def test_a_body_that_comes_steadily_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_LOOK_S", 0.05)
    monkeypatch.setattr(connections, "BODY_LEAST", 0)
    monkeypatch.setattr(connections, "BODY_MOST_S", 0.5)
    with serving() as port, connect(port, HEAD + b"\r\nabc") as slow:
        assert is_closed(slow)


def test_more_connections_than_there_may_be_are_refused_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 3)
    with serving() as port, ExitStack() as stack:
        first = [stack.enter_context(connect(port, GET)) for _ in range(3)]
        assert [status_of(one) for one in first] == [200, 200, 200]
        with connect(port) as fourth:
            assert status_of(fourth) == 503
            assert is_closed(fourth)
        first[0].sendall(GET)
        assert status_of(first[0]) == 200


def test_one_address_leaves_room_for_others() -> None:
    here, there = ("10.0.0.2", 1), ("10.0.0.3", 1)
    full = [here] * connections.MOST_OF_ONE_ADDRESS
    assert not is_one_too_many(full, here)
    assert is_one_too_many([*full, here], here)
    assert not is_one_too_many([*full, here, there], there)
    assert is_one_too_many([None] * (connections.MOST + 1), None)


# ------------------------------------------------------------------------------------------------ bodies


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


def in_pieces(size: int) -> Iterator[bytes]:
    """A body that doesn't say how long it is."""
    yield b'{"who": "'
    for _ in range(0, size, 100_000):
        yield b"x" * 100_000


def whole(size: int) -> bytes:
    return b"".join(in_pieces(size))


WRITES = [
    (method.upper(), path.replace("{jump}", "x").replace("{subject}", "x"))
    for path, methods in openapi_of(create_app(Settings()))["paths"].items()
    for method, operation in methods.items()
    if "requestBody" in operation or is_bounded_by_its_route(method.upper(), path)
]


@pytest.mark.parametrize("body", [in_pieces, whole])
def test_no_route_takes_a_body_that_is_too_large(hub: RunningHub, body: Callable[[int], bytes]) -> None:
    assert ("POST", "/api/retry") in WRITES
    for method, path in WRITES:
        size = 6_000_000 if is_bounded_by_its_route(method, path) else MOST
        sent = {"content": body(size), "params": {"who": "Kim"}, "headers": {"content-type": "application/json"}}
        answer = httpx.request(method, hub.url + path, timeout=PATIENCE_S, **sent)  # type: ignore[arg-type]
        assert answer.status_code in (400, 413), (method, path, answer.text)
        assert "is larger than" in answer.json()["error"]["what"]
        assert httpx.get(f"{hub.url}/healthz").status_code == 200


def send(opened: socket.socket, what: bytes, times: int) -> None:
    for _ in range(times):
        opened.sendall(what)


def test_who_sends_without_end_is_cut_off(hub: RunningHub) -> None:
    head = b"POST /api/retry HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with connect(hub.settings.hub_port, head + b"Transfer-Encoding: chunked\r\n\r\n") as endless:
        chunk = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
        with pytest.raises(OSError, match=r"."):
            send(endless, chunk, 10 * THROWN_AWAY // 100_000)
    assert httpx.get(f"{hub.url}/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/api/bookings", "/api/retry", "/api/jumps/x/cut?who=Kim"])
def test_an_upload_that_is_given_up_leaves_no_traceback(tmp_path: Path, path: str) -> None:
    method = "PUT" if path.endswith("Kim") else "POST"
    with running_hub(tmp_path / "data") as hub:
        for _ in range(5):
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nabc"
            connect(hub.settings.hub_port, head.encode()).close()
            assert httpx.get(f"{hub.url}/healthz").status_code == 200
        hub.end()
        assert "Traceback" not in hub.log.read_text()
