"""A real Chromium for tests, and a site of somebody else's for it to open.

Owns: starting and ending both. Not here: what is looked at (`process/app/engine/test_dagster_in_a_browser.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("evil.example", "rebound.example")
"""Names that this browser finds on this machine, as a name server of an attacker's would have it."""

PATIENCE_MS = 120_000
"""Only how long a test waits before it says that a page never showed something."""


def chromium_program() -> str:
    """Where Chromium is; skips the test where it isn't."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("Chromium is not installed (Debian: chromium)")


@contextmanager
def chromium() -> Generator[Browser]:
    """Chromium without a window and without the network."""
    program = chromium_program()
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in NAMES)
    arguments = [f"--host-resolver-rules={rules}", "--disable-background-networking", "--no-first-run"]
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def another_site(folder: Path) -> Iterator[int]:
    """A web server with an empty page; its port."""
    (folder / "index.html").write_text("<!doctype html><title>Somebody else's page</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
