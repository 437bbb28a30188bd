"""What all assets of a jump share: the plan of steps that people see, and taking over a jump in a run.

Owns: names and order of the steps on the board. Not here: the steps themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import dagster as dg

from stinercut.jumps import jumps
from stinercut.jumps.arriving import clip_step_name
from stinercut.jumps.jumps import JumpFootage
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut_assets.common.jump_tags import tag_part_of_film
from stinercut_assets.common.reporting import Planned, Reporter
from stinercut_assets.common.resources import Installation

FILES = Planned("files", Message.of(MessageCode.STEP_FILES), 0)
TEMPLATE = Planned("template", Message.of(MessageCode.STEP_TEMPLATE), 0)
"""Shown only when it fails."""
IDENTITY = Planned("identity", Message.of(MessageCode.STEP_IDENTITY), 1)
TITLE = Planned("title", Message.of(MessageCode.STEP_TITLE), 2)
FILM = Planned("film", Message.of(MessageCode.STEP_FILM), 999)


class ClipStep(Protocol):
    """The properties of a clip that name and order its step."""

    @property
    def card_file_id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def position(self) -> int: ...


def clip_step(clip: ClipStep) -> Planned:
    """The step that renders a clip."""
    label = Message.of(MessageCode.STEP_OF_FILE, file=clip.name)
    return Planned(clip_step_name(clip.card_file_id), label, 10 + clip.position, clip.card_file_id)


def all_steps(clips: Iterable[ClipStep]) -> list[Planned]:
    """Every step of making a film of these clips, in the order that people see."""
    return [FILES, IDENTITY, TITLE, *map(clip_step, clips), FILM]


def reporter(context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation) -> Reporter:
    """The reporter of this run's jump."""
    return Reporter(installation.catalog, context.partition_key, context.run.run_id)


def jump_page(installation: Installation, jump_key: str) -> str:
    """The address of a jump on the hub's board."""
    return f"{installation.settings.board_address}/#jump={jump_key}"


def take_over(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation, footage: JumpFootage
) -> None:
    """Record that this run works on the jump now.

    A re-execution begins in the middle of the plan, and so does a run of single assets, which gets its tags here.
    """
    with installation.catalog.write() as session:
        jumps.resume(session, context.partition_key, context.run.run_id)
    tag_part_of_film(context, installation, footage)
