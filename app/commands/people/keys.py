"""`stinercut key` and `stinercut detector-key`: keys of programs and of detectors.

Owns: the commands' options and output. Not here: the rules (`stinercut.people.keys`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.people.own_catalog import writing
from app.common.options import Data, say

programs = typer.Typer(help="Keys with which programs ask the hub (API keys).", no_args_is_help=True)
detectors = typer.Typer(help="Keys of detectors, each good for one detector.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number that `list` shows.")]


@programs.command("make")
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    may: Annotated[list[str], typer.Option("--may", help="A permission, such as bookings.write; repeat for more.")],
    data: Data = None,
) -> None:
    """Make a key and show it, once. A program sends it as `Authorization: Bearer KEY`."""
    from stinercut.errors import BadInput
    from stinercut.people import keys
    from stinercut.people.permissions import Permission

    try:
        permissions = [Permission(one) for one in may]
    except ValueError:
        raise BadInput("there is no such permission", advice=f"Permissions are {', '.join(Permission)}.") from None
    with writing(data) as session:
        key = keys.make_api_key(session, name, permissions)
    say(key)


@programs.command("list")
def listed(data: Data = None) -> None:
    """Show all keys, without the secrets."""
    from stinercut.people import keys

    with writing(data) as session:
        for key in keys.api_keys(session):
            say(f"{key.api_key_id}: {key.name}, {', '.join(key.permissions)}{', revoked' if key.revoked_at else ''}")


@programs.command("revoke")
def revoke(number: Number, data: Data = None) -> None:
    """End a key at once."""
    from stinercut.people import keys

    with writing(data) as session:
        name = keys.revoke_api_key(session, number).name
    say(f"The key of {name} opens nothing any more.")


@detectors.command("make")
def make_for_detector(
    detector_id: Annotated[str, typer.Argument(metavar="ID", help="The detector's STINERCUT_DETECTOR_ID.")],
    data: Data = None,
) -> None:
    """Make a key and show it, once. The detector has it as STINERCUT_TOKEN."""
    from stinercut.people import keys

    with writing(data) as session:
        key = keys.make_detector_key(session, detector_id)
    say(key)


@detectors.command("list")
def listed_for_detectors(data: Data = None) -> None:
    """Show all keys of detectors, without the secrets."""
    from stinercut.people import keys

    with writing(data) as session:
        for key in keys.detector_keys(session):
            say(f"{key.detector_key_id}: {key.detector_id}{', revoked' if key.revoked_at else ''}")


@detectors.command("revoke")
def revoke_of_detector(number: Number, data: Data = None) -> None:
    """End a detector's key: with its next connection it is refused."""
    from stinercut.people import keys

    with writing(data) as session:
        detector_id = keys.revoke_detector_key(session, number).detector_id
    say(f"That key of {detector_id} opens nothing any more.")
