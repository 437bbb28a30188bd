"""How commands show findings: lines for people, JSON for programs.

Owns: that output. Not here: what a finding is (`checks`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn

import typer

from app.common.checks import Finding, State
from app.common.options import say


def report(findings: Sequence[Finding], as_json: bool) -> NoReturn:
    """Show these findings and end. Exit code 0 without a problem, 1 otherwise."""
    good = all(finding.state is not State.PROBLEM for finding in findings)
    if as_json:
        shown = [
            {"check": finding.check, "state": finding.state, "detail": finding.detail, "advice": finding.advice}
            for finding in findings
        ]
        say(json.dumps({"ok": good, "checks": shown}, ensure_ascii=False, indent=2))
    else:
        _show(findings)
        say("All is well." if good else "Something is in the way: see the advice above.")
    raise typer.Exit(0 if good else 1)


def _show(findings: Sequence[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        say(f"{finding.state:>8}  {finding.check:<{width}}  {finding.detail}")
        if finding.advice:
            say(f"{'':>8}  {'':<{width}}  -> {finding.advice}")
