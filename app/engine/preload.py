"""What the forkserver of the film executor loads once, so that every step's process begins with it.

Owns: imports, and the definitions resolved ahead (each step would otherwise do that again). Not here:
anything else.
"""

from app.engine.definitions import defs
from stinercut_assets.common.jobs import produce_jump

REPOSITORY = defs.get_repository_def()
JOB = REPOSITORY.get_job(produce_jump.name)
