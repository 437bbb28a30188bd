"""`stinercut doctor`: whether this machine can do the work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from app.options import Data, Json, say, settings_from

if TYPE_CHECKING:
    from app.doctor import Finding


def doctor(data: Data = None, as_json: Json = False) -> None:
    """Look whether this machine has all that is needed, and say what to do where it hasn't.

    Exit code 0 when nothing is in the way, 1 otherwise.
    """
    from app.doctor import Finding, State, installed_parts, look_at, machine_checks, place_checks
    from app.lock import running_stack

    settings = settings_from(data)
    running = running_stack(settings)
    findings = look_at(machine_checks(), installed_parts())
    if running:
        findings.append(Finding("stack", State.OK, f"runs now (process {running.pid}): {running.hub}"))
        ours = {"data folder", "disk space"}  # Its ports are in use, as they should be.
    else:
        findings.append(Finding("stack", State.OK, "not running; `stinercut up` starts it"))
        ours = {check.name for check in place_checks(settings)}
    findings += look_at([check for check in place_checks(settings) if check.name in ours], installed_parts())
    good = all(finding.state is not State.PROBLEM for finding in findings)
    if as_json:
        shown = [
            {"check": one.check, "state": one.state, "detail": one.detail, "advice": one.advice} for one in findings
        ]
        say(json.dumps({"ok": good, "checks": shown}, ensure_ascii=False, indent=2))
    else:
        _show(findings)
        say("All is well." if good else "Something is in the way: see the advice above.")
    raise typer.Exit(0 if good else 1)


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        say(f"{finding.state:>8}  {finding.check:<{width}}  {finding.detail}")
        if finding.advice:
            say(f"{'':>8}  {'':<{width}}  -> {finding.advice}")
