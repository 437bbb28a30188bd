"""The health checks of the production set-up, against the servers that they look at."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from support.ports import own_port
from support.repository import REPOSITORY
from support.stacks import until

from app.engine import code_server_health, daemon_health

ROOT = REPOSITORY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_daemon_without_signs_of_life_is_said(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS health WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE health"))
    server.dispose()
    own = make_url(postgres_url).set(database="health", drivername="postgresql+psycopg2")
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("STINERCUT_DAGSTER_DATABASE_URL", own.render_as_string(hide_password=False))
    monkeypatch.setenv("DAGSTER_DAEMON_HEARTBEAT_TOLERANCE", "60")

    def look(later: float) -> str | int | None:
        try:
            daemon_health.main(lambda: NOW + timedelta(seconds=later))
        except SystemExit as ended:
            return ended.code
        return None

    with dg.DagsterInstance.get() as instance:
        assert "there was none" in str(look(0))
        for part, ago in (("SENSOR", 500), ("SCHEDULER", 10)):
            instance.add_daemon_heartbeat(DaemonHeartbeat(NOW.timestamp() - ago, part, "id", []))
        assert look(0) is None, "one part that was switched off is not all of it"
        assert "the last one was 71 s ago" in str(look(61))
    monkeypatch.setenv("STINERCUT_DAGSTER_DATABASE_URL", f"postgresql+psycopg2://u@127.0.0.1:{own_port()}/d")
    assert "does not answer" in str(look(0))
    monkeypatch.delenv("STINERCUT_DAGSTER_DATABASE_URL")
    assert "no PostgreSQL" in str(look(0))


def test_a_code_server_is_asked_whether_it_serves(tmp_path: Path) -> None:
    (tmp_path / "definitions.py").write_text("import dagster\ndefs = dagster.Definitions()\n")
    port = own_port()
    assert "does not answer" in str(code_server_health.what_is_wrong(port))
    argv = [sys.executable, "-m", "dagster", "api", "grpc", "-f", "definitions.py", "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: code_server_health.what_is_wrong(port) is None)
        # One that stands still takes connections all the same.
        server.send_signal(signal.SIGSTOP)
        assert "does not answer" in str(code_server_health.what_is_wrong(port))
    finally:
        server.kill()
        server.wait(10)
