"""`stinercut doctor`: checks whether this machine can do the work.

Owns: the command's options and output. Not here: the checks (`app.doctor`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from app.common.options import Data, Json, settings_from


def doctor(
    data: Data = None,
    as_json: Json = False,
    detector: Annotated[
        bool, typer.Option("--detector", help="Check only what a detector next to a card reader needs.")
    ] = False,
) -> None:
    """Check whether this machine has everything that it needs, and tell what to do about each gap.

    The exit code is 0 when nothing is in the way, otherwise 1.
    """
    from app.commands.detector_doctor import detector_doctor
    from app.common.checks import Finding, State, look_at
    from app.common.command_output import report
    from app.common.running_note import running_stack
    from app.doctor.databases import database_checks
    from app.doctor.fleet import fleet_checks, fleet_findings
    from app.doctor.machine import (
        automation_checks,
        hub_answers,
        installed_parts,
        machine_checks,
        privacy,
        standing_checks,
    )
    from stinercut.storage.data_folder import follow_folder

    if detector:
        detector_doctor(data, as_json)
    settings = settings_from(data)
    follow_folder(settings.data)  # The trials of encoders write their results there.
    running = running_stack(settings)
    findings = look_at(machine_checks(), installed_parts())
    is_hub_alone = running is None and hub_answers(settings)
    if running:
        findings.append(Finding("stack", State.OK, f"runs now (process {running.pid}): {running.hub}"))
    elif is_hub_alone:
        findings.append(Finding("stack", State.OK, f"its hub runs here, by itself: {settings.hub_address}"))
    else:
        findings.append(Finding("stack", State.OK, "not running; `stinercut up` starts it"))
    standing = standing_checks(settings, is_up=running is not None, is_hub_alone=is_hub_alone)
    findings += look_at([*standing, *database_checks(settings)], installed_parts())
    findings += privacy(settings)
    findings += look_at(automation_checks(settings, is_up=running is not None), installed_parts())
    findings += look_at(fleet_checks(settings), installed_parts())
    findings += fleet_findings(settings)
    report(findings, as_json)
