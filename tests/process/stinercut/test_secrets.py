"""Secrets: read from files, and given to nobody who needs none."""

from __future__ import annotations

import ast
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydantic import SecretStr

import stinercut
from app.processes.guard_start import dismiss, start_guard
from app.processes.processes import MARK, marked
from app.stack.environment import NEEDS
from app.stack.stack import children
from stinercut.codes.decoders import ZXING, Decoder
from stinercut.drawing.svg_renderer import SvgRenderer
from stinercut.errors import BadInput, StinercutError
from stinercut.films.photos.camera_photos import PhotoFile, PhotoOpener
from stinercut.secrets import PASSWORDS, SECRETS, for_strangers, variable, without_secrets
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut.video.ffmpeg_runner import ffprobe_json

VALUES = {
    "database_url": "postgresql://u:CATALOG@h/c",
    "dagster_database_url": "postgresql://u:DAGSTER@h/d",
    "broker_url": "redis://:BROKER@h/0",
    "result_url": "redis://:RESULT@h/1",
    "token": "TOKEN-OF-DETECTORS",
    "dagster_secret": "SECRETOFDAGSTER12",
    "qr_keys": "1:" + "ab" * 16,
    "mail_url": "smtp://u:MAIL@h:587",
}


def plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def test_every_setting_that_is_secret_is_known_as_one():
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secret <= set(SECRETS) == set(VALUES)


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    file = tmp_path / name
    file.write_text(VALUES[name] + "\n")
    monkeypatch.setenv(f"{variable(name)}_FILE", str(file))
    assert plain(getattr(Settings(), name)) == VALUES[name]
    assert plain(getattr(Settings.model_validate({name: VALUES[name] + "2"}), name)) == VALUES[name] + "2"
    monkeypatch.setenv(variable(name), "")
    assert plain(getattr(Settings(), name)) == VALUES[name], "set to nothing is not set"
    monkeypatch.setenv(variable(name), VALUES[name])
    with pytest.raises(BadInput, match="both"):
        Settings()


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 65_000])
def test_a_file_without_a_secret_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("STINERCUT_TOKEN_FILE", str(file))
    with pytest.raises(StinercutError, match="STINERCUT_TOKEN_FILE") as refused:
        Settings()
    assert "xxx" not in refused.value.sentence()


@pytest.mark.usefixtures("own_account")
def test_each_process_gets_its_own_secrets_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text(VALUES["token"])
    password.write_text("BROKER")
    monkeypatch.setenv("STINERCUT_TOKEN_FILE", str(token))
    monkeypatch.setenv("STINERCUT_BROKER_URL", VALUES["broker_url"].replace(":BROKER@", ""))
    monkeypatch.setenv("STINERCUT_BROKER_PASSWORD_FILE", str(password))
    chosen = {name: value for name, value in VALUES.items() if name not in ("token", "broker_url")}
    more = {"data": tmp_path, "executor": "celery", "qr_require_signed": True}
    settings = Settings.model_validate({**chosen, **more})
    stack = children(settings, tmp_path)
    assert {one.name for one in stack} == set(NEEDS)
    for one in stack:
        held = {name for name in VALUES if one.env.get(variable(name)) == VALUES[name]}
        assert held == set(NEEDS[one.name]), one.name
        text = "\n".join(one.env.values())
        assert not [name for name in set(VALUES) - held if VALUES[name] in text], one.name
        assert not [name for name in one.env if name.startswith("STINERCUT_") and name.endswith("_FILE")]
        assert one.env["STINERCUT_DATA"] == str(tmp_path)
    keyless = next(one for one in stack if one.name == "the Dagster webserver")
    assert "STINERCUT_QR_REQUIRE_SIGNED" not in keyless.env, "without keys it would be refused"


HELD = {
    "database_url": ("postgresql+psycopg2://u@h:5432/c", "postgresql+psycopg2://u:a%2Fb%3A%40%25@h:5432/c"),
    "dagster_database_url": ("postgresql://u@/d?host=/run", "postgresql://u:a%2Fb%3A%40%25@/d?host=/run"),
    "broker_url": ("redis://h:6379/0", "redis://:a%2Fb%3A%40%25@h:6379/0"),
    "result_url": ("rediss://[fd00::1]/1", "rediss://:a%2Fb%3A%40%25@[fd00::1]/1"),
}


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize("name", HELD)
def test_a_password_alone_is_put_into_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    file = tmp_path / "password"
    file.write_text("a/b:@%\n")
    address, whole = HELD[name]
    monkeypatch.setenv(variable(name), address)
    monkeypatch.setenv(f"{variable(PASSWORDS[name])}_FILE", str(file))
    assert plain(getattr(Settings(), name)) == whole
    monkeypatch.delenv(variable(name))
    (tmp_path / "address").write_text(address)
    monkeypatch.setenv(f"{variable(name)}_FILE", str(tmp_path / "address"))
    assert plain(getattr(Settings(), name)) == whole, "the address may be in a file as well"


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "not set"),
        ("sqlite:////srv/catalog.db", "no place"),
        ("postgresql://u:OTHER@h/c", "holds a password"),
        ("postgresql://u@[h/c", "no address"),
    ],
)
def test_a_password_without_a_place_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, why: str):
    file = tmp_path / "password"
    file.write_text("HIDDEN")
    monkeypatch.setenv("STINERCUT_DATABASE_URL", address)
    monkeypatch.setenv("STINERCUT_DATABASE_PASSWORD_FILE", str(file))
    with pytest.raises(BadInput, match=why) as refused:
        Settings()
    assert "STINERCUT_DATABASE_URL" in refused.value.sentence()
    assert not {"HIDDEN", "OTHER"} & set(re.findall(r"\w+", refused.value.sentence()))


def test_environments_without_secrets():
    given = {
        "PATH": "/bin",
        "STINERCUT_TOKEN": "x",
        "STINERCUT_TOKEN_FILE": "/x",
        "STINERCUT_BROKER_PASSWORD_FILE": "/x",
        "STINERCUT_DATA": "/d",
        "A_TOKEN": "y",
    }
    assert without_secrets(given) == {"PATH": "/bin", "STINERCUT_DATA": "/d", "A_TOKEN": "y"}
    assert without_secrets(given, ["token"])["STINERCUT_TOKEN"] == "x"
    others = {"POSTGRES_PASSWORD": "x", "REDISCLI_AUTH": "x", "AWS_SECRET_ACCESS_KEY": "x", "STINERCUT_STACK": "mark"}
    assert for_strangers({**given, **others}) == {"PATH": "/bin", "STINERCUT_DATA": "/d", "STINERCUT_STACK": "mark"}


def test_a_decoder_has_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STINERCUT_QR_KEYS", VALUES["qr_keys"])
    with Decoder(ZXING) as decoder:
        decoder.look(np.zeros((32, 32), np.uint8))
        assert decoder.process_id is not None
        environment = psutil.Process(decoder.process_id).environ()
    assert "PATH" in environment
    assert VALUES["qr_keys"] not in environment.values()


def test_ffmpeg_has_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = tmp_path / "seen"
    program = tmp_path / "ffprobe"
    program.write_text(
        f"#!{sys.executable}\nimport os\nopen({str(seen)!r}, 'w').write(repr(dict(os.environ)))\nprint('{{}}')"
    )
    program.chmod(0o755)
    video = tmp_path / "a.mp4"
    video.write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STINERCUT_TOKEN", VALUES["token"])
    with suppress(StinercutError):
        ffprobe_json(video)
    assert str(tmp_path) in seen.read_text()
    assert VALUES["token"] not in seen.read_text()


def test_every_helper_process_is_started_with_the_same_environment():
    """That of programs that open what others filmed: no secrets, and the mark by which it is found and ended."""
    for module in Path(stinercut.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"subprocess.Popen", "subprocess.run"}:
                given = [ast.unparse(one.value) for one in call.keywords if one.arg == "env"]
                assert given == ["for_strangers(os.environ)"], f"{module}, line {call.lineno}"


def test_the_processes_that_open_photos_and_drawings_carry_the_mark_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mark = f"mark-of-{tmp_path}"
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("STINERCUT_TOKEN", VALUES["token"])
    photo = tmp_path / "photo"
    photo.write_bytes(b"none")
    with PhotoOpener(Store(tmp_path / "store")) as opener, SvgRenderer() as renderer:
        opener.kind(PhotoFile("0" * 32, photo, "A.JPG"))
        renderer.png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>', tmp_path / "a.svg")
        helpers = [one for one in marked(mark) if one.ppid() == os.getpid()]
        assert len(helpers) == 2, [one.cmdline() for one in helpers]
        assert not any(VALUES["token"] in "".join(one.environ().values()) for one in helpers)


def test_who_only_tidies_up_after_a_stack_gets_no_secret(monkeypatch: pytest.MonkeyPatch):
    for name, value in VALUES.items():
        monkeypatch.setenv(variable(name), value)
    monkeypatch.setenv(f"{variable('token')}_FILE", "")
    guard = start_guard("no-process-has-this-mark")
    try:
        given = psutil.Process(guard.pid).environ()
    finally:
        dismiss(guard)
    assert not [one for one in SECRETS if variable(one) in given or f"{variable(one)}_FILE" in given]
