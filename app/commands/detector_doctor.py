"""`stinercut doctor --detector`: checks whether a host with only a card reader can do its work.

Owns: the command's options and output. Not here: the checks (`app.doctor.detector`).
"""

from __future__ import annotations

from app.common.options import Data, Json


def detector_doctor(data: Data = None, as_json: Json = False) -> None:
    """Check everything that a detector needs on this machine: packages, folders, the hub, its token, card events.

    The exit code is 0 when nothing is in the way, otherwise 1.
    """
    from app.commands.detector import detector_settings
    from app.common.command_output import report
    from app.doctor.detector import look

    report(look(lambda: detector_settings({"data": data})), as_json)
