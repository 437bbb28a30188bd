"""The modules that the fork server loads once, so that every step's process starts with them.

Owns: imports, and resolving the definitions in advance (otherwise each step would do it again). Not here: the fork
server (`forking`).
"""

import contextlib

from app.processes.loading import loading

with loading():
    from app.engine.definitions import defs
    from stinercut.errors import StinercutError
    from stinercut.video.ffmpeg_runner import build
    from stinercut_assets.common.jobs import produce_jump

    # Each step asks for ffmpeg's build; it is noted until the program changes. Who has no ffmpeg is told by the steps.
    with contextlib.suppress(StinercutError):
        build()
    REPOSITORY = defs.get_repository_def()
    JOB = REPOSITORY.get_job(produce_jump.name)
