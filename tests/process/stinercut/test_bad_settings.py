"""Settings that are mistyped are said in words that name the variable, by every process, never with a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import warm

from stinercut.errors import BadInput
from stinercut.settings import Settings

pytestmark = pytest.mark.usefixtures("own_account")

KUBERNETES = "tcp://10.96.0.5:8800"
"""What a Service named stinercut-hub sets STINERCUT_HUB_PORT to, in every pod of its namespace."""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HUB_PORT", KUBERNETES, "which is no whole number. A Kubernetes Service of such a name sets it"),
        ("DAGSTER_PORT", "3000.5", "which is no whole number"),
        ("HUB_PORT", "70000", "which is too large: 65535 is the most"),
        ("HUB_PORT", "-1", "which is too small: 0 is the least"),
        ("WORKER_PATIENCE", "0", "which is too small: more than 0.0 is needed"),
        ("WORKER_PATIENCE", "long", "which is no number"),
        ("WATCH_MOUNTS", "perhaps", "which is neither true nor false"),
        ("EXECUTOR", "celry", "and can be 'processes' or 'celery'"),
        ("DETECTOR_ID", "my laptop", "which can't be used. Write 1 to 64 letters"),
        ("HUB_PUBLIC_URL", "board.example.org", "which can't be used. Write http://HOST:PORT"),
    ],
)
def test_one_that_cant_be_used(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"STINERCUT_{name}", value)
    with pytest.raises(BadInput) as refused:
        Settings()
    assert refused.value.sentence().startswith(f"STINERCUT_{name} is {value!r}, {said}")


@pytest.mark.parametrize("given", [{"hub_port": "many"}, {"workers": None}])
def test_one_that_is_given(given: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Settings.model_validate(given)


def test_a_secret_is_not_repeated() -> None:
    with pytest.raises(BadInput) as refused:
        Settings.model_validate({"token": ["geheim"]})
    assert refused.value.sentence().startswith("STINERCUT_TOKEN is set, and that is refused")
    assert "geheim" not in refused.value.sentence()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("qr_keys", "1:zz", "STINERCUT_QR_KEYS"),
        ("step_retries", "render_clip=many", "STINERCUT_STEP_RETRIES"),
        ("dagster_secret", "žluťoučký", "STINERCUT_DAGSTER_SECRET"),
    ],
)
def test_one_whose_form_is_known_only_once_it_is_used(name: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        Settings.model_validate({name: value}).require_sound()
    assert "žlu" not in refused.value.sentence()


@pytest.mark.parametrize(
    "process",
    [
        ["hub"],
        ["detector"],
        ["app.stack.prepare"],
        ["app.fleet.worker_node", "films", "1"],
        ["app.engine.dagster_child", "code"],
        ["app.cli", "up"],
        ["app.cli", "worker"],
        ["app.cli", "doctor"],
    ],
)
def test_every_process_says_it_in_one_line(process: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"STINERCUT_HUB_PORT": KUBERNETES, "STINERCUT_DATA": str(tmp_path)}
    ended = warm.run("-m", *process, env=environment)
    assert ended.returncode
    (line,) = (ended.stdout + ended.stderr).strip().splitlines()
    assert f"STINERCUT_HUB_PORT is '{KUBERNETES}'" in line
    assert "enableServiceLinks: false" in line
