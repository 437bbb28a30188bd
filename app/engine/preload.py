"""The modules that the fork server loads once, so that every step's process starts with them.

Owns: imports, and resolving the definitions in advance (otherwise each step would do it again). Not here: the fork
server (`forking`).
"""

from app.processes.loading import loading

with loading():
    from app.engine.definitions import defs
    from stinercut_assets.common.jobs import produce_jump

    REPOSITORY = defs.get_repository_def()
    JOB = REPOSITORY.get_job(produce_jump.name)
