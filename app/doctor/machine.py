"""The checks of a machine that runs Stinercut: one check per thing that must be there.

Owns: the checks, which `stinercut doctor` shows and `stinercut up` and `demo` demand. Not here: how they are done and
what they give (`app.common.checks`), how they are shown (`app.common.command_output`), the checks of a host with only a
detector (`detector`). A check tries the real thing: it encodes a film, it writes a file, it opens a port.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil

from app.common.checks import Check, Finding, State, can_write, listed, missing_modules, nearest, python_version
from app.common.hub_client import ask
from app.common.install_hints import detector, install
from hub.kit.version import HEALTHY
from stinercut.errors import BadInput, HostNotReady, MissingProgram, StinercutError
from stinercut.own_names import is_loopback
from stinercut.settings import Settings
from stinercut.storage.data_folder import is_everybodys, is_open_to_others
from stinercut.storage.store import require_space

NEEDED_SPACE = 2_000_000_000
"""Bytes: room for one card's footage of a morning and its films; with less, nothing is started."""

ANSWER_S = 3.0
"""How long a hub on this machine may take to answer. A program that takes longer is no hub."""
_NO_PORTS = frozenset({"data folder", "disk space", "encoder", "template"})
"""The checks of a stack's places that also pass while the stack runs."""

PARTS: dict[str, tuple[str, ...]] = {
    "detector": ("watchfiles", "websockets"),
    "hub": ("fastapi", "uvicorn", "sqlalchemy", "alembic", "httpx", "websockets"),
    "media": (
        *("cv2", "numpy", "PIL", "pyzbar", "zxingcpp", "segno", "ffmpeg"),
        *("fontTools", "uharfbuzz", "resvg_py", "babel"),
    ),
    "pipeline": ("dagster", "dagster_webserver", "dagster_postgres", "sqlalchemy"),
}
"""Each extra of the distribution, and the modules that it brings."""


def installed_parts() -> frozenset[str]:
    """The installed extras, judged by their modules, without importing any."""
    return frozenset(part for part, modules in PARTS.items() if not missing_modules(modules))


def require_all_parts(installed: frozenset[str]) -> None:
    """Raise MissingProgram when a part of the whole stack is not installed."""
    missing = frozenset(PARTS) - installed
    if missing:
        raise MissingProgram(
            f"only a part of Stinercut is installed here; missing: {listed(missing)}",
            advice=f"{install()} For a card reader alone: {detector()}.",
        )


# ---- the checks ------------------------------------------------------------------------------------------------------


def machine_checks() -> list[Check]:
    """The checks of what must be installed."""
    film = frozenset({"media", "pipeline"})
    return [
        Check("Python", python_version),
        Check("parts", parts_installed),
        Check("ffmpeg", ffmpeg_works, film),
        Check("libzbar", zbar_loads, film),
        Check("fonts", fonts_found, film),
    ]


def place_checks(settings: Settings) -> list[Check]:
    """The checks of what must be free and writable before a stack starts."""
    whole = frozenset({"hub", "pipeline"})
    return [
        Check("data folder", lambda: can_write(settings.data)),
        Check("disk space", lambda: has_space(settings.data)),
        Check("encoder", lambda: encoder_in_use(settings), frozenset({"media", "pipeline"})),
        Check("template", lambda: template_in_use(settings), frozenset({"media", "pipeline"})),
        Check("network", lambda: safe_to_listen(settings), whole),
        Check("hub port", lambda: port_is_free(settings.host, settings.hub_port), whole),
        Check("Dagster port", lambda: port_is_free(settings.dagster_host, settings.dagster_port), whole),
        Check("code server port", lambda: port_is_free("127.0.0.1", settings.code_port), whole),
    ]


def standing_checks(settings: Settings, *, is_up: bool, is_hub_alone: bool = False) -> list[Check]:
    """The same checks for an installation that may be running.

    `is_up`: it runs by `stinercut up`, so its ports are in use, as they should be. `is_hub_alone`: only a hub runs
    here, in a container, without a note; Dagster's processes are in other containers, so their ports don't count here.
    """
    checks = place_checks(settings)
    if is_up:
        return [check for check in checks if check.name in _NO_PORTS]
    if is_hub_alone:
        checks = [check for check in checks if check.name not in ("Dagster port", "code server port")]
    return [
        replace(check, look=lambda: free_or_our_hub(settings)) if check.name == "hub port" else check
        for check in checks
    ]


def privacy(settings: Settings) -> list[Finding]:
    """Whether other accounts of this machine can look into the data folder; empty while there is no such folder."""
    if not settings.data.is_dir():
        return []
    if not is_open_to_others(settings.data):
        return [Finding("other accounts", State.OK, "the data folder is closed to them")]
    return [
        Finding(
            "other accounts",
            State.HINT,
            f"every account of this machine can look into {settings.data}, and names are in it",
            "It is a folder for everybody: choose a folder of its own inside it."
            if is_everybodys(settings.data)
            else f"As its owner: chmod o= {settings.data}",
        )
    ]


def automation_checks(settings: Settings, *, is_up: bool) -> list[Check]:
    """The check that nothing is switched off in Dagster, if a hub runs that can be asked."""
    asked = Check("sensors", lambda: automation_runs(settings), frozenset({"hub", "pipeline"}))
    return [asked] if is_up or hub_answers(settings) else []


def automation_runs(settings: Settings) -> str:
    """Check that all sensors and schedules run, by asking the hub, which asks Dagster."""
    problem: str = ask(settings, "GET", "/api/automation", patience=ANSWER_S * 3)["problem"]
    if problem:
        raise HostNotReady(problem.rstrip("."), advice="Start them on the board, or on Dagster's page Automation.")
    return "all of Dagster's run"


def parts_installed() -> str:
    """The parts of Stinercut that are installed. Raises MissingProgram without any."""
    parts = installed_parts()
    if not parts:
        raise MissingProgram(
            "no part of Stinercut is installed, only its base",
            advice=f"{install()} For a card reader, '.[detector]' is enough.",
        )
    return listed(parts)


def ffmpeg_works() -> str:
    """The version of ffmpeg, after it has encoded a fifth of a second of H.264 and AAC."""
    from stinercut.video.ffmpeg_runner import require_ffmpeg, run

    version = require_ffmpeg()
    with tempfile.TemporaryDirectory(prefix="stinercut-doctor-") as folder:
        picture = ("-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=0.2")
        sound = ("-f", "lavfi", "-i", "sine=duration=0.2:sample_rate=48000")
        encoders = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
        run((*picture, *sound, *encoders, str(Path(folder) / "trial.mp4")), timeout=30)
    return f"{version}, encodes H.264 and AAC"


def encoder_in_use(settings: Settings) -> str:
    """The encoder that films are made with, after a trial of each, and why the others are not used."""
    from stinercut.video import encoders

    choice = encoders.chosen(settings.encoder, encoders.note_of(settings.store_dir))
    others = [f"{trial.encoder}: {trial.why or 'works'}" for trial in choice.trials if trial.encoder != choice.encoder]
    return "; ".join([f"{choice.encoder} ({choice.reason})", *others])


def template_in_use(settings: Settings) -> str:
    """Check that this installation's template can be used."""
    from stinercut.templates import folder

    template = folder.find(settings.template, (settings.templates_dir,))
    return f"{template.name}, version {template.version}"


def zbar_loads() -> str:
    """Check that the library behind pyzbar can be loaded."""
    if missing_modules(["pyzbar"]):
        raise MissingProgram("the Python package pyzbar is missing", advice=install())
    from pyzbar.zbar_library import load  # pyright: ignore[reportUnknownVariableType]

    try:
        load()
    except (ImportError, OSError):
        raise MissingProgram(
            "the library libzbar is not installed",
            advice="Debian, Ubuntu: sudo apt install libzbar0. macOS: brew install zbar.",
        ) from None
    return "loads"


def fonts_found() -> str:
    """Check that the fonts for titles are there, with names like those of passengers."""
    if missing := missing_modules(("fontTools", "uharfbuzz")):
        raise MissingProgram(f"the Python package {missing[0]} is missing", advice=install())
    from stinercut.drawing.fonts import catalogue, runs_with

    for name in ("Žofie Müller", "Łukasz Đặng", "Οδυσσέας Юлия", "محمد", "ณัฐ", "दीपिका", "山田 太郎", "김민준"):
        runs_with(name, catalogue("Bold"))
    return f"{len(catalogue('Bold'))} Noto fonts"


def has_space(folder: Path) -> str:
    """Check the free space on the volume of the data folder."""
    there = nearest(folder)
    require_space(there, NEEDED_SPACE)
    return f"{shutil.disk_usage(there).free / 1e9:.0f} GB free"


def safe_to_listen(settings: Settings) -> str:
    """Check that nobody from outside can reach an unprotected hub."""
    if is_loopback(settings.host):
        return "this machine only"
    if settings.token is None:
        raise HostNotReady(
            f"the hub would listen on {settings.host} and take any detector",
            advice="Set STINERCUT_TOKEN to a long secret, here and where detectors run, or listen on 127.0.0.1.",
        )
    return f"listens on {settings.host}; detectors need the token"


def port_is_free(host: str, port: int) -> str:
    """Check that a server may listen on this port. If not, names the program that has it, where the system tells."""
    if not 0 < port < 65536:
        raise BadInput(f"{port} is no port", advice="Choose a number from 1024 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        if sys.platform != "win32":
            # Servers set this too: connections of a program that has just ended must not look like a listener.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen(1)
        except PermissionError:
            raise HostNotReady(f"port {port} needs special rights", advice="Choose a port above 1023.") from None
        except OSError as refused:
            raise _port_refused(host, port, refused) from None
    return f"{port} is free"


def free_or_our_hub(settings: Settings) -> str:
    """Check that the hub may listen on its port, or does so already."""
    try:
        return port_is_free(settings.host, settings.hub_port)
    except HostNotReady:
        if not hub_answers(settings):
            raise
    return f"{settings.hub_port}: the hub runs here"


def hub_answers(settings: Settings) -> bool:
    """Whether the program on the hub's port is a hub of Stinercut."""
    try:
        return ask(settings, "GET", "/healthz", patience=ANSWER_S) == HEALTHY
    except StinercutError:
        return False


def _port_refused(host: str, port: int, refused: OSError) -> HostNotReady:
    holder = port_holder(port)
    if holder is None and not _somebody_answers(host, port):
        return HostNotReady(
            f"can't listen on {host} port {port}: {refused.strerror}", advice="Choose another address or port."
        )
    return HostNotReady(
        f"port {port} is in use by {holder or 'another program'}",
        advice="Stop that program, or choose another port (--hub-port, --dagster-port, --code-port).",
    )


def _somebody_answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def port_holder(port: int) -> str | None:
    """`name (process 123)` of the program that listens on a port, where the system tells us."""
    try:
        listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        pids = [each.pid for each in listening if each.laddr and each.laddr.port == port and each.pid]
        return f"{psutil.Process(pids[0]).name()} (process {pids[0]})" if pids else None
    except psutil.Error:
        return None


def free_ports(count: int) -> list[int]:
    """This many different ports of this machine on which nobody listens now."""
    trials = [socket.socket() for _ in range(count)]
    try:
        for trial in trials:
            trial.bind(("127.0.0.1", 0))
        return [int(trial.getsockname()[1]) for trial in trials]
    finally:
        for trial in trials:
            trial.close()
