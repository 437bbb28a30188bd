"""Real servers for tests, on free ports of this machine: PostgreSQL and Redis, to be killed and restarted at will.

Nothing is left of them after `close`. As root, PostgreSQL runs as the account that its package made, since it refuses
to run as root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from support.ports import own_port

STARTS_WITHIN_S = 120.0


def postgres_programs() -> Path | None:
    """The folder of the newest server's programs. Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: int(one.parts[-3]))
    if versions:
        return versions[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path is not None else None


def redis_program() -> str | None:
    """The server. It and its checking tool are one program that goes by the name it is called with; Debian has the
    tool in a package that starts no service (redis-tools)."""
    return shutil.which("redis-server") or shutil.which("redis-check-rdb")


def _folder(prefix: str) -> Path:
    # Short: the path of PostgreSQL's socket, which lies in it, has room for 107 characters.
    return Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))


def _await(server: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not answers():
        assert server.poll() is None, f"ended at its start:\n{log.read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"did not answer in time:\n{log.read_text()[-2000:]}"
        time.sleep(0.05)


def _kill(server: subprocess.Popen[bytes]) -> None:
    """SIGKILL a server and all its processes, as a power cut would."""
    try:
        everything = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    except psutil.Error:
        everything = []
    for one in everything:
        try:
            one.kill()
        except psutil.Error:
            continue
    server.wait()
    psutil.wait_procs(everything, timeout=10)


@dataclass
class PostgresServer:
    """A PostgreSQL server with trust for everybody on this machine. Skips the test where it isn't installed."""

    port: int = field(default_factory=own_port)
    folder: Path = field(default_factory=lambda: _folder("pg-"))
    server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, making its data folder the first time; returns when it takes connections."""
        programs = postgres_programs()
        if programs is None:
            pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
        user = "postgres" if os.geteuid() == 0 else None
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        data = self.folder / "data"
        if not data.exists():
            if user is not None:
                shutil.chown(self.folder, user)
            subprocess.run(
                [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                check=True, user=user, env=environment, cwd=self.folder, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        # Another zone than this machine's: who forgets one is found out.
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "timezone=America/New_York"]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(self.port), "-k", self.folder, *options],
                user=user, env=environment, cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        _await(self.server, self._answers, self.folder / "log")

    def _answers(self) -> bool:
        try:
            psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    @property
    def url(self) -> str:
        """SQLAlchemy URL of its database `postgres`."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases, with the driver's name."""
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def make(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url_of(database)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute one statement, outside of a transaction."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname=database)
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def stop(self) -> None:
        """Ask it to end at once, breaking off what is going on, as a restart of its service does."""
        if self.server is None or self.server.poll() is not None:
            return
        self.server.send_signal(signal.SIGINT)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            _kill(self.server)

    def kill(self) -> None:
        """SIGKILL it with all its processes."""
        if self.server is not None:
            _kill(self.server)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class RedisServer:
    """A Redis server. `keeps`: whether it remembers all over a restart. Skips the test where it isn't installed."""

    keeps: bool = True
    port: int = field(default_factory=own_port)
    folder: Path = field(default_factory=lambda: _folder("redis-"))
    server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it answers."""
        program = redis_program()
        if program is None:
            pytest.skip("Redis is not installed (Debian: redis-tools)")
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        argv += ["--save", "", "--appendonly", "yes" if self.keeps else "no"]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                argv, executable=program, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        _await(self.server, self.answers, self.folder / "log")

    def client(self) -> redis.Redis:
        """A client of its own for a test."""
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def answers(self) -> bool:
        """Whether it answers now."""
        client = self.client()
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    @property
    def url(self) -> str:
        """URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Ask it to end, writing down what it keeps."""
        if self.server is None or self.server.poll() is not None:
            return
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            _kill(self.server)

    def kill(self) -> None:
        """SIGKILL it."""
        if self.server is not None:
            _kill(self.server)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
