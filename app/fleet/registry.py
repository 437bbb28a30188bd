"""The registry of a fleet in Redis: which workers live, which worker holds which step, which runs still wait.

Owns: the keys and their values, the heartbeat. Not here: Celery, which carries the steps and their results through the
same Redis (`celery_app`); what follows from all this (`decisions`, `worker_node`, `app.doctor.fleet`).

Celery doesn't notice that a worker was killed: its Redis transport hands a step out again only after a fixed time,
which would have to be longer than the longest film takes. So workers send heartbeats, and each step has a claim that
names its worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.common.install_hints import install
from stinercut.clock import machine_clock
from stinercut.errors import HostNotReady, MissingProgram
from stinercut.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

FFMPEG_QUEUE = "ffmpeg"
"""The queue of steps that keep a core busy: STINERCUT_WORKERS of them at once on a machine."""
STEPS_QUEUE = "steps"
"""The queue of all other steps, so that they never wait behind another jump's rendering."""
QUEUES = (FFMPEG_QUEUE, STEPS_QUEUE)

BEAT_EVERY = 2.0
"""Seconds between two heartbeats."""
BEAT_LASTS = 8.0
"""Seconds after which a worker without a heartbeat counts as dead: three may get lost."""
RUN_LASTS = 60
"""Seconds that a run's own heartbeat is valid; its process renews it every second or so."""
CLAIM_LASTS = 7 * 24 * 3600
"""Seconds after which Redis forgets a step's claim that nobody removed: longer than any run."""
ANSWER_WITHIN = 5.0
"""Seconds that Redis may take for an answer."""


@dataclass(frozen=True)
class Worker:
    """A living worker, as it describes itself. `volume` names the shared volume that it sees."""

    name: str
    host: str
    pid: int
    queue: str
    slots: int
    takes: bool
    """Whether it takes steps now. False while it has lost its connection or is about to end."""
    volume: str
    version: str
    """The build that it makes films with (`build.build_here`)."""
    since: float
    """Seconds since 1970, by its own clock."""


@dataclass(frozen=True)
class Claim:
    """Who has a step: the task that it was sent as, and the worker that took it (None while it waits)."""

    task: str
    worker: str | None = None


def broker_url(settings: Settings) -> str:
    """The address of the Redis where steps wait. Raises HostNotReady without a setting for it."""
    if settings.broker_url is None:
        raise HostNotReady(
            "the address of Redis, where steps wait for workers, is missing",
            advice="Set STINERCUT_BROKER_URL, such as redis://:PASSWORD@HOST:6379/0, on every machine.",
        )
    url = settings.broker_url.get_secret_value()
    if not url.startswith(("redis://", "rediss://")):
        raise HostNotReady(
            f"STINERCUT_BROKER_URL begins with {url.partition('://')[0]}://",
            advice="Only Redis is supported: redis://HOST:6379/0, or rediss:// for TLS.",
        )
    return url


def result_url(settings: Settings) -> str:
    """The address of the Redis where workers leave the results of steps."""
    return settings.result_url.get_secret_value() if settings.result_url else broker_url(settings)


def connect(url: str) -> Redis:
    """A client that connects at its first use, and again after every loss. Raises MissingProgram without redis."""
    try:
        import redis
    except ImportError:
        raise MissingProgram("the Python package redis is missing", advice=install("fleet")) from None
    return redis.Redis.from_url(
        url, socket_timeout=ANSWER_WITHIN, socket_connect_timeout=ANSWER_WITHIN, decode_responses=True
    )


def unreachable() -> tuple[type[Exception], ...]:
    """The errors that mean that Redis can't be reached now (or is loading its data after a start)."""
    import redis

    return (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError, redis.ReadOnlyError)


class Fleet:
    """The keys of one fleet in its Redis. While Redis is away, all methods raise one of the errors of `unreachable`."""

    def __init__(self, redis: Redis) -> None:
        # Any, because redis declares its methods for sync and async clients at once, and no such type can be used.
        self._redis: Any = redis

    @classmethod
    def of(cls, settings: Settings) -> Fleet:
        """The fleet of these settings. Raises HostNotReady, MissingProgram."""
        return cls(connect(broker_url(settings)))

    # ---- workers -------------------------------------------------------------------------------------------------

    def beat(self, worker: Worker, tasks: Sequence[str] = ()) -> None:
        """Send a heartbeat with the tasks that this worker has in hand."""
        lasts = int(BEAT_LASTS * 1000)
        with self._redis.pipeline() as at_once:
            at_once.sadd("stinercut:workers", worker.name)
            at_once.set(_worker_key(worker.name), json.dumps(asdict(worker)), px=lasts)
            at_once.set(_hand_key(worker.name), json.dumps(list(tasks)), px=lasts)
            at_once.execute()

    def leave(self, name: str) -> None:
        """Say goodbye, which frees at once all steps that this worker held."""
        with self._redis.pipeline() as at_once:
            at_once.delete(_worker_key(name), _hand_key(name))
            at_once.srem("stinercut:workers", name)
            at_once.execute()

    def workers(self) -> list[Worker]:
        """All living workers, sorted by name."""
        names: list[str] = sorted(self._redis.smembers("stinercut:workers"))
        if not names:
            return []
        texts: list[Any] = self._redis.mget([_worker_key(name) for name in names])
        gone = [name for name, text in zip(names, texts, strict=True) if text is None]
        if gone:
            self._redis.srem("stinercut:workers", *gone)
        return [Worker(**json.loads(text)) for text in texts if text is not None]

    def lives(self, name: str) -> bool:
        """Whether this worker has sent a heartbeat lately."""
        return bool(self._redis.exists(_worker_key(name)))

    def has_in_hand(self, name: str, task: str) -> bool:
        """Whether this worker lives and has this task in hand, by its latest heartbeat."""
        tasks: Any = self._redis.get(_hand_key(name))
        return tasks is not None and task in json.loads(tasks)

    # ---- the shared volume ---------------------------------------------------------------------------------------

    def set_volume(self, volume: str) -> None:
        """Announce the volume that the stack works on."""
        self._redis.set("stinercut:volume", volume)

    def volume(self) -> str | None:
        """The volume that the stack works on; None if nobody has announced it (since Redis lost its data)."""
        return self._redis.get("stinercut:volume")

    # ---- runs ----------------------------------------------------------------------------------------------------

    def keep_run(self, run_id: str) -> None:
        """Send the heartbeat of the process that waits for this run's steps."""
        self._redis.set(f"stinercut:run:{run_id}", int(machine_clock().timestamp()), ex=RUN_LASTS)

    def run_is_kept(self, run_id: str) -> bool:
        """Whether a process waits for this run's steps. False may also mean that Redis lost its data."""
        return bool(self._redis.exists(f"stinercut:run:{run_id}"))

    def forget_run(self, run_id: str, steps: Iterable[str]) -> None:
        """Remove the keys of a run that has ended, and of its steps."""
        self._redis.delete(f"stinercut:run:{run_id}", *(_step_key(run_id, step) for step in steps))

    # ---- steps ---------------------------------------------------------------------------------------------------

    def sent(self, run_id: str, step: str, task: str) -> None:
        """Note that a step was sent, unless a worker has taken it already."""
        value = json.dumps(asdict(Claim(task)))
        self._redis.set(_step_key(run_id, step), value, nx=True, ex=CLAIM_LASTS)

    def clear(self, run_id: str, step: str) -> None:
        """Remove the claim on a step before it is sent again."""
        self._redis.delete(_step_key(run_id, step))

    def receive(self, run_id: str, step: str, claim: Claim) -> None:
        """Note that a worker has taken a step off the queue, unless another worker makes it already."""
        before = self.claims(run_id, [step]).get(step)
        if before is None or before.worker is None:
            self.take(run_id, step, claim)

    def take(self, run_id: str, step: str, claim: Claim) -> None:
        """Note that a worker has this step."""
        self._redis.set(_step_key(run_id, step), json.dumps(asdict(claim)), ex=CLAIM_LASTS)

    def claims(self, run_id: str, steps: Sequence[str]) -> dict[str, Claim]:
        """The claims on these steps, without those that Redis doesn't know."""
        if not steps:
            return {}
        texts: list[Any] = self._redis.mget([_step_key(run_id, step) for step in steps])
        return {step: Claim(**json.loads(text)) for step, text in zip(steps, texts, strict=True) if text is not None}


def _worker_key(name: str) -> str:
    return f"stinercut:worker:{name}"


def _hand_key(name: str) -> str:
    return f"stinercut:hand:{name}"


def _step_key(run_id: str, step: str) -> str:
    return f"stinercut:step:{run_id}:{step}"
