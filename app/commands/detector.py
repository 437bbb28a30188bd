"""`stinercut detector`: runs the detector alone, next to a card reader on another machine than the hub.

Owns: the command's options and output, and its systemd unit. Not here: the detector (`detector`).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.common import install_hints
from app.common.options import Data, say, settings_from
from stinercut.errors import BadInput, HostNotReady, MissingProgram
from stinercut.secrets import without_secrets

if TYPE_CHECKING:
    from stinercut.settings import Settings

ENABLE = ("systemctl --user daemon-reload", "systemctl --user enable --now stinercut-detector.service")
"""The commands that make systemd start the unit: now, and at every login."""

Hub = Annotated[
    str | None,
    typer.Option(
        "--hub",
        "--hub-url",
        help="Where the hub is: ws://HOST:8800. Default: $STINERCUT_HUB_URL, the settings file, or this machine.",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        help="The hub's secret; `-` reads it from the standard input. Default: $STINERCUT_TOKEN, or the settings file.",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--id",
        help="Name of this detector; each one needs its own. Default: $STINERCUT_DETECTOR_ID, or the settings file; "
        "--set-up writes the computer's name there.",
        show_default=False,
    ),
]


def detector(  # noqa: PLR0913, PLR0917 - one parameter for each option
    hub: Hub = None,
    token: Token = None,
    name: Name = None,
    data: Data = None,
    set_up: Annotated[
        bool, typer.Option("--set-up", help="Write these options into the settings file, and end.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Write a systemd unit that starts the detector at login, and end.")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="With --install: also enable the unit and start it.")] = False,
) -> None:
    """Watch for cards and copy what the hub asks for. For a machine with a card reader but without the rest.

    `stinercut up` starts one by itself. The data folder must be the hub's (a shared volume), and so must the token, if
    the hub has one. Set it up once with `--set-up`, check it with `stinercut doctor --detector`, then run it with
    `--install`.
    """
    if now and not install:
        raise BadInput("--now goes with --install", advice=f"Write {install_hints.detector('--install --now')}.")
    given = {"hub": hub, "token": _secret(token), "id": name, "data": data}
    if set_up:
        _set_up(given)
    if install:
        _install(now)
    if not (set_up or install):
        _watch(detector_settings(given))


def detector_settings(given: dict[str, Any]) -> Settings:
    """The settings of a detector's host: options (keys as in the settings file), then environment, then the file."""
    from app.common.detector_host import hub_address, read_file, settings_file, settings_of

    chosen = settings_of(read_file(settings_file()), os.environ)
    options = settings_of({key: value for key, value in given.items() if value is not None}, {})
    chosen |= options
    if "hub_url" in chosen:
        chosen["hub_url"] = hub_address(chosen["hub_url"])
    return settings_from(chosen.pop("data", None), **chosen)


def _secret(token: str | None) -> str | None:
    return sys.stdin.readline().strip() if token == "-" else token


def _set_up(given: dict[str, Any]) -> None:
    from app.common.detector_host import detector_name, hub_address, read_file, settings_file, write_file

    path = settings_file()
    new = {key: value for key, value in given.items() if value is not None}
    if "data" in new:
        new["data"] = Path(new["data"]).expanduser().absolute()
    if "hub" in new:
        new["hub"] = hub_address(new["hub"])
    values = read_file(path) | new
    if "hub" not in values:
        raise BadInput("the address of the hub is missing", advice="Add --hub ws://HOST:8800.")
    if "id" not in values:
        values["id"] = detector_name(socket.gethostname())
    detector_settings(new)  # Refuses wrong settings now, not when a card is in.
    write_file(path, values)
    say(f"Written, readable by you alone: {path}")
    say(f"The hub will know this detector as {values['id']}.")
    if "data" not in values:
        say("No --data was given. It must be the hub's data folder, as this computer sees it (a shared volume).")
    say(f"Next: {install_hints.detector_doctor()} checks that all is well.")


def _install(now: bool) -> None:
    from app.common.detector_host import unit, unit_file
    from stinercut.storage.store import replace_file

    if not sys.platform.startswith("linux"):
        raise BadInput("--install writes a systemd unit, which only Linux has", advice="See docs/detector.md.")
    path = unit_file()
    try:
        replace_file(path, unit(sys.executable).encode())
    except OSError as refused:
        raise HostNotReady(f"can't be written ({refused.strerror})", file=path, advice="Change its owner.") from None
    say(f"Written: {path}")
    if now:
        _take_up()
        say("The detector runs. Its log: journalctl --user -u stinercut-detector -f")
    else:
        say("Two commands start it, now and at every login:")
        for command in ENABLE:
            say(f"  {command}")
    say("To have it run without anybody logged in: loginctl enable-linger")


def _take_up() -> None:
    import subprocess

    for command in ENABLE:
        try:
            done = subprocess.run(command.split(), check=False, capture_output=True, text=True)
        except FileNotFoundError:
            advice = f"Start {install_hints.detector()} yourself."
            raise MissingProgram("systemctl is not installed", advice=advice) from None
        if done.returncode:
            why = done.stderr.strip() or f"exit code {done.returncode}"
            raise HostNotReady(f"`{command}` failed: {why}", advice="The unit is written; try the command yourself.")


def handed_on(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the detector's process: these settings, and of all secrets only its token.

    It names no files of secrets any more: the token from its file is among the settings now, and both together would be
    refused.
    """
    return without_secrets({**given, **settings.environment()}, ["token"])


def _watch(settings: Settings) -> None:
    handed = handed_on(settings, os.environ)
    os.environ.clear()
    os.environ.update(handed)
    if sys.platform == "win32" or install_hints.is_one_file():
        from detector.__main__ import main

        raise typer.Exit(main())
    os.execv(sys.executable, [sys.executable, "-P", "-m", "detector"])
