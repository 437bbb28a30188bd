"""The checks of this machine's fleet: Redis, the workers in reach, the shared volume, the databases.

Owns: those checks. `stinercut doctor` shows them; `up` and `worker` demand those that they need before they start. Not
here: the checks of every installation (`machine`). With the executor `processes` none of them is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from urllib.parse import urlsplit

from app.common.checks import Check, Finding, State, missing_modules
from app.common.install_hints import install
from app.fleet.build import build_here
from app.fleet.registry import QUEUES, Fleet, Worker, broker_url, connect, result_url, unreachable
from app.fleet.volume import volume_name
from stinercut.errors import HostNotReady, MissingProgram, StinercutError
from stinercut.settings import Settings

MODULES = ("celery", "dagster_celery", "redis")


def fleet_checks(settings: Settings) -> list[Check]:
    """The checks that must pass before a member of the fleet starts; empty without a fleet."""
    if settings.executor != "celery":
        return []
    return [Check("Celery", celery_installed), Check("Redis", lambda: redis_answers(settings))]


def worker_checks(settings: Settings) -> list[Check]:
    """The checks of a worker, which also needs the same volume as the stack."""
    return [*fleet_checks(settings), Check("shared volume", lambda: same_volume(settings))]


def celery_installed() -> str:
    """The version of Celery. Raises MissingProgram without it."""
    if missing := missing_modules(MODULES):
        raise MissingProgram(f"the Python package {missing[0]} is missing", advice=install("fleet"))
    return metadata.version("celery")


def redis_answers(settings: Settings) -> str:
    """The versions of the Redis where steps wait and of the one for results. Raises HostNotReady if one is silent."""
    versions: list[str] = []
    for url in dict.fromkeys((broker_url(settings), result_url(settings))):
        client = connect(url)
        from redis.exceptions import RedisError

        try:
            versions.append(f"{client.info('server')['redis_version']} at {without_secret(url)}")  # type: ignore[index]
        except (RedisError, OSError) as refused:
            raise HostNotReady(
                f"{without_secret(url)} does not answer: {refused}",
                advice="Is it running, and reachable from here? Look at STINERCUT_BROKER_URL and its password.",
            ) from None
        finally:
            client.close()
    return ", ".join(versions)


def without_secret(url: str) -> str:
    """Host, port and database of a URL, for people."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


def same_volume(settings: Settings) -> str:
    """Check that this machine sees the volume that the stack works on, under the same path."""
    here = volume_name(settings)
    there = Fleet.of(settings).volume()
    if there is not None and there != here:
        raise HostNotReady(
            f"this is not the volume that the stack works on, which is {there.split(' ', 1)[-1]} there",
            file=settings.data,
            advice="Mount the same volume under the same path on all machines of the fleet.",
        )
    return str(settings.data)


def fleet_findings(settings: Settings) -> list[Finding]:
    """What a person should know about the fleet now: who works, and what will break one day."""
    if settings.executor != "celery":
        return []
    try:
        workers = Fleet.of(settings).workers()
    except (StinercutError, *unreachable()):
        return []  # The check of Redis reports it.
    try:
        volume = volume_name(settings)
    except HostNotReady:
        volume = None
    return [workers_finding(workers, volume, build_here()), *_memory(settings), *_databases(settings)]


def workers_finding(workers: Iterable[Worker], volume: str | None, here: str) -> Finding:
    """The finding about this stack's workers: a problem if films would wait forever. `here`: this machine's build."""
    mine = [worker for worker in workers if worker.takes and volume in (None, worker.volume)]
    strange = sorted({worker.host for worker in workers if volume not in (None, worker.volume)})
    if strange:
        return Finding(
            "workers",
            State.PROBLEM,
            f"{', '.join(strange)} sees another volume",
            "Mount the same volume under the same path on all machines, then start those workers again.",
        )
    slots = Counter[str]()
    for worker in mine:
        slots[worker.queue] += worker.slots
    missing = [queue for queue in QUEUES if not slots[queue]]
    if missing:
        return Finding(
            "workers",
            State.HINT,
            f"none in reach for {' and '.join(missing)}: films wait",
            "Start one on each machine that should work: `stinercut worker`.",
        )
    if {worker.version for worker in mine} != {here}:
        return Finding(
            "workers",
            State.HINT,
            f"the machines work with different versions: {_versions(mine, here)}",
            "Bring all to one version of Stinercut and ffmpeg, best by the same image, and start their workers again.",
        )
    hosts = ", ".join(sorted({worker.host for worker in mine}))
    return Finding("workers", State.OK, f"{slots[QUEUES[0]]} films' steps at once on {hosts}")


def _versions(workers: Iterable[Worker], here: str) -> str:
    """The hosts of each build, in words, this machine first."""
    hosts = {here: {"this machine"}}
    for worker in workers:
        hosts.setdefault(worker.version, set()).add(worker.host)
    return "; ".join(f"{', '.join(sorted(names))}: {version}" for version, names in hosts.items())


def _memory(settings: Settings) -> list[Finding]:
    """Hints about what Redis loses when it is restarted or full. Servers that don't tell (managed ones) get none."""
    from redis.exceptions import RedisError

    client = connect(broker_url(settings))
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")  # type: ignore[union-attr]
        keeps = client.config_get("appendonly").get("appendonly", "yes")  # type: ignore[union-attr]
    except (RedisError, OSError):
        return []
    finally:
        client.close()
    if policy != "noeviction":
        return [
            Finding(
                "Redis' memory",
                State.HINT,
                f"forgets steps when it is full ({policy})",
                "Set `maxmemory-policy noeviction`; steps that are forgotten are sent again, after a while.",
            )
        ]
    if keeps != "yes":
        return [
            Finding(
                "Redis' memory",
                State.HINT,
                "forgets all when it restarts",
                "Set `appendonly yes`; without it every waiting step is sent again after a restart.",
            )
        ]
    return []


def _databases(settings: Settings) -> list[Finding]:
    both = (settings.catalog_url, settings.dagster_database_url or "sqlite")
    if not any(url.startswith("sqlite") for url in both):
        return []
    return [
        Finding(
            "databases",
            State.HINT,
            "SQLite: right only as long as all workers run on this machine",
            "Set STINERCUT_DATABASE_URL and STINERCUT_DAGSTER_DATABASE_URL (docs/deploy.md); "
            "`stinercut catalog move` takes the catalog along.",
        )
    ]
