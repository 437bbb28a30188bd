"""The files of a detector's host: its settings file, and the systemd unit that starts it.

Owns: reading and writing `detector.toml`, which of options, environment and file wins, a detector's default name, the
text of the systemd unit. Not here: the command (`commands.detector`), Windows' task (`deploy/host`).
"""

from __future__ import annotations

import json
import os
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import platformdirs

from app.common.install_hints import detector, is_one_file
from stinercut.errors import BadInput, HostNotReady
from stinercut.storage.store import replace_file

UNIT_NAME = "stinercut-detector.service"
DETECTOR_PATH = "/ws/detector"

_KEYS: dict[str, tuple[str, type]] = {
    "hub": ("hub_url", str),
    "token": ("token", str),
    "id": ("detector_id", str),
    "data": ("data", str),
    "watch_mounts": ("watch_mounts", bool),
}
"""The keys of the file, each with its setting and its type."""

_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(%\w+)?", re.IGNORECASE)
"""A name or an IPv4 address; an IPv6 address."""

_NO_NAMES = ("local", "localhost")
"""The name of the hub's own detector, and of computers that nobody named."""

_HEAD = """\
# How the detector on this computer finds its hub. Written by {command}; may be edited by hand.
# An option of the command comes before an environment variable (STINERCUT_...), and that before this file.
"""


def settings_file() -> Path:
    """Where the settings file is: `~/.config/stinercut/detector.toml` on Linux, below %LOCALAPPDATA% on Windows."""
    return Path(platformdirs.user_config_dir("stinercut", appauthor=False)) / "detector.toml"


def read_file(path: Path) -> dict[str, Any]:
    """The file's values, by its own keys; empty when there is no file. Raises BadInput for anything unclear."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as refused:
        raise BadInput(
            f"can't be read ({refused.strerror})", file=path, advice="Change its owner, or set it up again."
        ) from None
    except ValueError as unclear:  # TOMLDecodeError and UnicodeDecodeError are both ValueErrors.
        raise BadInput(
            f"is no TOML: {unclear}", file=path, advice="Correct it, or delete it and set up again."
        ) from None
    for key, value in values.items():
        if key not in _KEYS:
            raise BadInput(f"has {key!r}, which is not one of {', '.join(_KEYS)}", file=path, advice="Take it out.")
        if not isinstance(value, _KEYS[key][1]):
            raise BadInput(f"{key} is {value!r}, no {_WORDS[_KEYS[key][1]]}", file=path, advice="Correct it.")
    return values


_WORDS = {str: "text in quotes", bool: "true or false"}


def settings_of(values: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the file decides, by name: those without an environment variable. Paths are `Path`s."""
    chosen = {_KEYS[key][0]: value for key, value in values.items()}
    if "data" in chosen:
        chosen["data"] = Path(chosen["data"])
    return {name: value for name, value in chosen.items() if not _is_set(environment, f"STINERCUT_{name.upper()}")}


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return bool(environment.get(name) or environment.get(f"{name}_FILE"))


def write_file(path: Path, values: Mapping[str, Any]) -> None:
    """Write the file for its owner alone (0600), because it holds the token. Readers see the old or the new file.

    Raises HostNotReady when it can't be written.
    """
    lines = [f"{key} = {_toml(values[key])}\n" for key in _KEYS if values.get(key) is not None]
    try:
        replace_file(path, (_HEAD.format(command=detector("--set-up")) + "".join(lines)).encode(), mode=0o600)
    except OSError as refused:
        raise HostNotReady(f"can't be written ({refused.strerror})", file=path, advice="Change its owner.") from None


def _toml(value: object) -> str:
    # JSON's strings and booleans are valid TOML as long as non-ASCII characters are written unescaped.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False).replace("\x7f", "\\u007F")


def is_private(path: Path) -> bool:
    """Whether only its owner can read the file. Windows keeps a user's profile private by itself."""
    return os.name == "nt" or path.stat().st_mode & 0o077 == 0


def hub_address(given: str) -> str:
    """The WebSocket address from what a person types: `hub:8800` or the board's address will do.

    Raises BadInput for text that can't be an address.
    """
    text = given if "://" in given else f"ws://{given}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not host or not _HOST.fullmatch(host) or port == 0:
        raise BadInput(f"{given!r} is no address of a hub", advice="Write ws://HOST:8800, with the hub's host.")
    path = parts.path if parts.path not in ("", "/") else DETECTOR_PATH
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


def detector_name(computer: str) -> str:
    """A detector's name made from its computer's name; the hub takes two detectors of one name for the same.

    Raises BadInput if no letter or digit is left of it, or if many computers are called that.
    """
    plain = unicodedata.normalize("NFKD", computer.partition(".")[0]).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain)[:64].strip("-")
    if not name or name.lower() in _NO_NAMES:
        raise BadInput(
            f"this computer is called {computer!r}, which can't be its detector's name",
            advice="Add --id NAME, with another name for each detector.",
        )
    return name


def unit_file() -> Path:
    """The path of the unit, in the folder where systemd looks for a user's own units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user" / UNIT_NAME


def unit(python: str) -> str:
    """The systemd user unit that runs the detector. `python` is the absolute path of Python or of the single file.

    systemd restarts it after any error except a wrong setting, which a restart would not correct.
    """
    words = "run" if is_one_file() else "-P -m app.cli detector"
    quoted = python.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f"""\
# Written by {detector("--install")}. Settings: {detector("--set-up")}.
[Unit]
Description=Stinercut detector: copies footage off cards for the hub
StartLimitIntervalSec=0

[Service]
ExecStart="{quoted}" {words}
Restart=always
RestartSec=5
RestartPreventExitStatus=2 {BadInput.exit_code}
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""
