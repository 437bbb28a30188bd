"""The checks of a host with only a card reader: whether it has what a detector needs.

Owns: those checks. Not here: how they are done (`app.common.checks`) and shown (`app.common.command_output`), the
checks of a whole installation (`machine`). A check tries the real thing: it links a file, it sends the hub a hello with
the token.
"""

from __future__ import annotations

import errno
import os
import secrets
import select
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from app.common.checks import Check, Finding, State, can_write, look_at, missing_modules, nearest, python_version
from app.common.detector_host import is_private, read_file, settings_file
from app.common.install_hints import detector, install
from stinercut.clock import machine_clock
from stinercut.errors import BadInput, HostNotReady, MissingProgram, StinercutError
from stinercut.settings import Settings
from stinercut.storage.store import require_space

MODULES = ("watchfiles", "websockets", "platformdirs", "psutil", "pydantic", "pydantic_settings", "xxhash")
NEEDED_SPACE = 2_000_000_000
"""Bytes: room for one card's footage of a morning."""
ANSWER_S = 5.0
"""The hub is in the local network; if it takes longer, it isn't there."""
SKEW_S = 60.0
"""Clocks that differ by more are worth a hint. The handshake's date has whole seconds."""

FSTAB = Path("/etc/fstab")
_NO_STORE = (
    "The hub makes it when it first starts (`stinercut up`). Where it lies on a volume or a share: mount that here."
    " Or is --data not the hub's data folder?"
)
_NAMES = frozenset({"detector"})


@dataclass(frozen=True)
class Greeting:
    """How the hub answered a hello that it accepted."""

    version: int
    clock: datetime | None
    """The hub's clock when it answered, if it sent its time."""


def look(settings: Callable[[], Settings]) -> list[Finding]:
    """All checks, in order. Without valid settings, those that need settings are left out."""
    findings = look_at(
        [Check("Python", python_version), Check("packages", packages), Check("settings file", settings_kept)], _NAMES
    )
    try:
        chosen = settings()
    except StinercutError as refused:
        return [*findings, Finding("settings", State.PROBLEM, refused.what, refused.advice, refused.code)]
    findings += look_at(
        [
            Check("data folder", lambda: can_write(chosen.data)),
            Check("disk space", lambda: has_space(chosen.data)),
            Check("store", lambda: has_store(chosen.store_dir)),
            Check("card events", lambda: sees_cards(chosen.watch_mounts)),
        ],
        _NAMES,
    )
    if missing_modules(["websockets"]):
        return findings  # The check of the packages has reported it.
    return [*findings, *hub_findings(chosen)]


def packages() -> str:
    """Check that the packages are installed on which the detector is built."""
    if missing := missing_modules(MODULES):
        raise MissingProgram(f"not installed: {', '.join(missing)}", advice=install("detector"))
    return "all that a detector needs"


def settings_kept() -> str:
    """Check that the settings file can be read, and only by its owner if the token is in it."""
    path = settings_file()
    values = read_file(path)
    if not path.exists():
        return "none; options, environment variables and defaults count"
    if "token" in values and not is_private(path):
        raise BadInput("others can read the token in it", file=path, advice=f"chmod 600 {path}")
    return f"{path}: {', '.join(values) or 'empty'}"


def has_space(folder: Path) -> str:
    """Check the free space on the volume of the data folder."""
    require_space(nearest(folder), NEEDED_SPACE)
    return f"at least {NEEDED_SPACE / 1e9:.0f} GB free"


def has_store(store: Path) -> str:
    """Check that the store was made by a hub, is on its intended volume, and takes files."""
    if (missing := unmounted(store)) is not None:
        raise HostNotReady(
            f"{missing} is a volume of its own by {FSTAB}, and is not mounted",
            file=store,
            advice=f"Mount it (`mount {missing}`). Copies would fill this computer's own disk.",
        )
    if not store.is_dir():
        raise HostNotReady("is not there", file=store, advice=_NO_STORE)
    if not (store / "objects").is_dir():
        raise HostNotReady("is a folder, but no hub has made a store of it", file=store, advice=_NO_STORE)
    return publishes(store)


def unmounted(folder: Path, fstab: Path = FSTAB) -> Path | None:
    """The mount point on which `folder` should lie by the system's table, if nothing is mounted there; else None."""
    try:
        lines = fstab.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None  # There is no such table on this system.
    fields = [line.split() for line in lines if not line.lstrip().startswith("#")]
    places = [Path(row[1].replace(r"\040", " ")) for row in fields if len(row) > 1 and row[1].startswith("/")]
    absolute = folder.absolute()
    return next((place for place in places if absolute.is_relative_to(place) and not place.is_mount()), None)


def publishes(store: Path) -> str:
    """Check that a file in the store's `partial` folder can get its final name in `objects`. Leaves nothing behind.

    Both must be on one volume, with hard links or at least with renames.
    """
    try:
        handle, name = tempfile.mkstemp(dir=nearest(store / "partial"), prefix=".stinercut-trial-")
    except OSError as refused:
        raise _not_writable(store, refused) from None
    os.close(handle)
    partial, final = Path(name), store / "objects" / f".stinercut-trial-{secrets.token_hex(8)}"
    try:
        os.link(partial, final)
        return f"{store}: takes files, on one volume with hard links"
    except OSError as refused:
        if refused.errno == errno.EXDEV:
            raise HostNotReady(
                "its folders `partial` and `objects` are on different volumes",
                file=store,
                advice="Put the whole store on one volume: a file gets its name only when it is whole.",
            ) from None
    finally:
        final.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    try:
        final.touch(exist_ok=False)
        final.unlink()
    except OSError as refused:
        raise _not_writable(store / "objects", refused) from None
    return f"{store}: takes files; a volume without hard links, so import folders will have none either"


def _not_writable(folder: Path, refused: OSError) -> HostNotReady:
    return HostNotReady(
        f"can't be written: {refused.strerror or refused}",
        file=folder,
        advice="Give it to the account that the detector runs under, or mount its volume to be written.",
    )


def sees_cards(watch_mounts: bool) -> str:
    """Check that the system reports when a card is mounted."""
    from detector.sources.volumes import CARD_PLACES, MOUNTINFO, cards_by_psutil

    if not watch_mounts:
        return "mounted volumes are not watched (as set); folders that stand for cards are"
    if not MOUNTINFO.exists():
        how = "volume events, and a look now and then" if sys.platform == "win32" else "a look every two seconds"
        return f"{how}; {len(cards_by_psutil())} cards are in now"
    try:
        with MOUNTINFO.open(encoding="utf-8", errors="surrogateescape") as mounts:
            poller = select.poll()
            poller.register(mounts, select.POLLPRI | select.POLLERR)
            poller.poll(0)
    except OSError as refused:
        raise HostNotReady(
            f"mount events can't be had: {refused.strerror or refused}",
            file=MOUNTINFO,
            advice="Start the detector outside the container or sandbox that hides it.",
        ) from None
    return f"mount events; cards below {', '.join(map(str, CARD_PLACES))}, and removable devices anywhere"


def hub_findings(settings: Settings) -> list[Finding]:
    """Whether the hub is there and accepts this detector, and how far its clock is from ours."""
    try:
        greeting = greet(settings)
    except StinercutError as refused:
        return [Finding("hub", State.PROBLEM, f"{settings.detector_url}: {refused.what}", refused.advice, refused.code)]
    detail = f"{settings.detector_url}: accepts this detector (protocol version {greeting.version})"
    return [Finding("hub", State.OK, detail), clock_finding(greeting.clock, machine_clock())]


def clock_finding(theirs: datetime | None, ours: datetime) -> Finding:
    """The finding about two clocks. Wrong clocks lose no file: files are known by the camera's own times."""
    if theirs is None:
        return Finding("clock", State.SKIPPED, "the hub does not tell its time")
    apart = (ours - theirs).total_seconds()
    if abs(apart) <= SKEW_S:
        return Finding("clock", State.OK, "agrees with the hub's")
    way = "ahead of" if apart > 0 else "behind"
    return Finding(
        "clock",
        State.HINT,
        f"{abs(apart):.0f} s {way} the hub's",
        "Switch on network time on both: cards are shown, and import folders named, by the time of this computer.",
    )


def greet(settings: Settings) -> Greeting:
    """Say hello to the hub with the token, but under a name of our own, so that a running detector is not disturbed.

    Raises HostNotReady when nobody answers, BadInput when the hub refuses or the address is invalid.
    """
    from websockets.exceptions import InvalidURI, WebSocketException
    from websockets.sync.client import connect

    from stinercut.protocol import Hello, ProtocolError, Refused, Welcome, decode, encode
    from stinercut.protocol.messages import MAX_FRAME_BYTES

    token = settings.token.get_secret_value() if settings.token else None
    try:
        with connect(
            settings.detector_url, proxy=None, open_timeout=ANSWER_S, close_timeout=1, max_size=MAX_FRAME_BYTES
        ) as socket:
            date = socket.response.headers.get("Date") if socket.response else None
            socket.send(encode(Hello(detector_id=f"doctor-{secrets.token_hex(4)}", token=token)))
            answer = decode(socket.recv(timeout=ANSWER_S)).body
    except InvalidURI:
        advice = f"Set it with {detector('--set-up --hub ws://HOST:8800')}."
        raise BadInput("is no WebSocket address", advice=advice) from None
    except (OSError, WebSocketException, ProtocolError) as trouble:
        why = trouble.what if isinstance(trouble, ProtocolError) else str(trouble) or type(trouble).__name__
        raise HostNotReady(
            f"no hub answers there ({why})",
            advice="Is `stinercut up` running there, with --host beyond 127.0.0.1? Is the port open?",
        ) from None
    if isinstance(answer, Refused):
        raise BadInput(f"it refuses this detector ({answer.code}): {answer.detail}", advice=_advice(answer.code.value))
    if not isinstance(answer, Welcome):
        raise HostNotReady(f"the program that answers there is no hub ({answer.type})", advice="Check the address.")
    return Greeting(answer.version, parsedate_to_datetime(date) if date else None)


def _advice(code: str) -> str:
    token = f"{detector('--set-up --token -')} takes the hub's STINERCUT_TOKEN."
    return token if code == "BAD_TOKEN" else "Install the same version of Stinercut on both."
