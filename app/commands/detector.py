"""`stinercut detector`: the detector alone, beside a card reader on another machine than the hub."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from app.options import Data, settings_from


def detector(
    hub_url: Annotated[
        str | None,
        typer.Option(
            help="Where the hub is: ws://HOST:8800/ws/detector. Default: $STINERCUT_HUB_URL, or this machine."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--id", help="Name of this detector, one for each. Default: $STINERCUT_DETECTOR_ID.")
    ] = None,
    data: Data = None,
) -> None:
    """Watch for cards and copy what the hub asks for. For a machine with a card reader but without the rest.

    `stinercut up` starts one by itself. The data folder must be the one the hub uses (a shared volume), and
    $STINERCUT_TOKEN the hub's secret if it has one.
    """
    settings = settings_from(data, hub_url=hub_url, detector_id=name)
    os.environ.update(settings.environment())
    command = [sys.executable, "-m", "detector"]
    if sys.platform == "win32":
        import subprocess

        raise typer.Exit(subprocess.run(command, check=False).returncode)
    os.execv(sys.executable, command)
