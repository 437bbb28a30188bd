"""Reads the settings, and knows where files and folders lie.

Owns: `Settings` (environment variables `STINERCUT_*`, or values given by a command) and the paths that follow from
them. Not here: what a film looks like (`stinercut.templates`), how Dagster is set up (`dagster.yaml`).
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from stinercut.bad_settings import bad_setting
from stinercut.errors import BadInput
from stinercut.keyring import KeyRing
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.pipeline_names import STEPS
from stinercut.secrets import secrets_from_files

_PLAIN = re.compile(r"[!-~]+")
_ADDRESS = r"^(https?://[^\s/].*)?$"
_OWNER = re.compile(r"^(team:[A-Za-z0-9_]+|[^@\s,]+@[^@\s,]+\.[^@\s,]+)$")
LOGOS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".svg"})
"""The kinds of pictures that browsers show."""
MEGABYTE = 1_000_000
"""Decimal, as on the labels of cards."""


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets from the files that `STINERCUT_..._FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: all secrets are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(secrets_from_files(os.environ))


class Settings(BaseSettings):
    """All settings of an installation. Immutable; every process reads the same environment."""

    model_config = SettingsConfigDict(env_prefix="STINERCUT_", frozen=True, extra="ignore")

    def __init__(self, **given: Any) -> None:
        """Given values come before the environment's. Raises BadInput, which names the setting: every process reads the
        settings here, and none must end with a traceback because of a mistyped one.
        """
        try:
            super().__init__(**given)
        except ValidationError as refused:
            raise bad_setting(refused, _secret_names()) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A command's values come first, then files of secrets, then the environment."""
        return init_settings, _SecretFiles(settings_cls), env_settings

    data: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("stinercut", appauthor=False)),
        description="Folder of catalog, store, films and logs. The shared volume where there are several machines.",
    )
    data_group: str = Field(
        default="",
        description="Group that shares the data folder: detectors and readers of films under other accounts.",
    )
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the catalog. Default: SQLite in the data folder."
    )
    dagster_database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of Dagster's own PostgreSQL database, apart from the catalog's. Default: SQLite.",
    )
    executor: Literal["processes", "celery"] = Field(
        default="processes",
        description="What makes films: processes of this machine, or Celery workers on as many as you like.",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="Redis where steps wait for workers, redis://:PASSWORD@HOST:6379/0. For `celery` only.",
    )
    result_url: SecretStr | None = Field(
        default=None, description="Redis where workers leave what steps gave. Default: the one where steps wait."
    )
    worker_patience: float = Field(
        default=15 * 60.0,
        gt=0,
        description="Seconds that a step waits for a worker when none is in reach; then its run fails and says so.",
    )
    host: str = Field(default="127.0.0.1", description="Address the hub listens on.")
    hub_port: int = Field(default=8800, ge=0, le=65535, description="Port of the hub: board, API, detectors.")
    hub_public_url: str | None = Field(
        default=None,
        pattern=_ADDRESS,
        description="Address of the board in links, as browsers know it. Default: this machine.",
    )
    hub_names: str = Field(
        default="",
        description="Names under which browsers reach the hub, with commas between: board.example.org, board.lan.",
    )
    dagster_host: str = Field(
        default="127.0.0.1", description="Address the Dagster webserver listens on, whatever the hub does."
    )
    dagster_port: int = Field(default=3000, ge=0, le=65535, description="Port of the Dagster webserver.")
    dagster_secret: SecretStr | None = Field(
        default=None,
        description="What the hub shows to the Dagster webserver, which lets nobody in without. Default: a new one for "
        "each `stinercut up`.",
    )
    dagster_url: str | None = Field(
        default=None, pattern=_ADDRESS, description="Where programs reach the Dagster webserver. Default: this machine."
    )
    dagster_public_url: str | None = Field(
        default=None,
        pattern=_ADDRESS,
        description="Address of Dagster's pages as browsers know it. Default: this machine.",
    )
    code_port: int = Field(default=4266, ge=0, le=65535, description="Port of Dagster's code server (loopback only).")
    token: SecretStr | None = Field(
        default=None, description="Secret that detectors must show. Needed as soon as the hub listens beyond loopback."
    )
    access: Literal["auto", "open"] = Field(
        default="auto",
        description="Who is let in: auto (whoever signs in; everybody while the hub listens on 127.0.0.1 and "
        "there is no account) or open (everybody who reaches the hub).",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses and networks of proxies, with commas between, that tell the hub who asks and whether by "
        "HTTPS (X-Forwarded-For, X-Forwarded-Proto).",
    )
    small_file_limit: int = Field(
        default=50 * MEGABYTE,
        ge=0,
        description="Files below this many bytes are fetched first: QR films are among them.",
    )
    session_gap_minutes: int = Field(
        default=45, ge=1, description="A pause in filming longer than this ends a jump, if no code began another one."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="How many ffmpeg steps run at once in a film, and one more over all; in a fleet, on each machine.",
    )
    retries: int = Field(
        default=3, ge=0, description="How often a step is tried again that failed for a reason a repeat may mend."
    )
    step_retries: str = Field(
        default="", description="The same for single steps, where it differs: render_clip=5,read_code=0."
    )
    runs_kept_days: int = Field(
        default=90, ge=1, description="How many days Dagster's runs, their events and their logs are kept."
    )
    segments_kept_days: int = Field(default=90, ge=1, description="How many days unused parts of films are kept.")
    film_due_minutes: int = Field(
        default=60, ge=1, description="So long after its last file a jump's film is overdue, and its check says so."
    )
    asset_owners: str = Field(
        default="team:stinercut",
        description="Who Dagster shows as owners of all assets: e-mail addresses or team:NAME, with commas between.",
    )
    encoder: str = Field(
        default="auto",
        pattern=r"^[a-z0-9_]{2,32}(:.+)?$",
        description="What encodes films: auto (the hardware where it works), software, or a name such as h264_nvenc.",
    )
    watch_mounts: bool = Field(default=True, description="Whether the detector takes mounted volumes for cards.")
    detector_id: str = Field(default="local", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Name of this detector.")
    hub_url: str | None = Field(default=None, description="Where the detector finds the hub. Default: this machine.")
    place: str = Field(default="", description="Name of the dropzone, shown on the title.")
    share_days: int = Field(default=30, ge=1, le=3650, description="How many days a passenger's link opens the film.")
    mail_url: SecretStr | None = Field(
        default=None,
        description="The mail server for letters to passengers: smtp://USER:PASSWORD@HOST:587 (encrypted before the "
        "password is sent), or smtps://USER:PASSWORD@HOST:465.",
    )
    mail_from: str = Field(
        default="", description="The sender of letters to passengers: films@example.org, or Name <films@example.org>."
    )
    mail_when_ready: bool = Field(
        default=False,
        description="Whether a passenger gets a letter by itself as soon as the film is ready, if the booking has an "
        "e-mail address.",
    )
    language: str = Field(
        default="en",
        pattern=r"^[a-z]{2,3}$",
        description="The house's language: used where a reader's own is not known or has no words.",
    )
    logo: Path | None = Field(
        default=None, description="The dropzone's logo on passengers' pages: a PNG, JPEG, WebP or SVG file."
    )
    template: str = Field(
        default="classic", description="The template of films for which no other was chosen (docs/templates.md)."
    )
    qr_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Keys of signed codes, number:hex pairs with commas between: the first signs, all of them verify.",
    )
    qr_require_signed: bool = Field(default=False, description="Whether codes without a signature are refused.")

    @field_validator("logo", mode="before")
    @classmethod
    def _empty_is_none(cls, given: object) -> object:
        """A setting that is passed on empty was not made."""
        return given or None

    @cached_property
    def key_ring(self) -> KeyRing:
        """The keys for signed codes. Raises BadInput for an invalid setting."""
        return KeyRing.parse(self.qr_keys.get_secret_value(), only_signed=self.qr_require_signed)

    @cached_property
    def tries_of_steps(self) -> dict[str, int]:
        """How often single steps are tried again. Raises BadInput for an invalid setting or an unknown step."""
        tries: dict[str, int] = {}
        for part in filter(None, map(str.strip, self.step_retries.split(","))):
            name, _, number = map(str.strip, part.partition("="))
            if not name or not number.isdecimal():
                raise BadInput(
                    Message.of(SetupCode.RETRIES_NO_PAIR, part=repr(part)),
                    advice=Message.of(SetupCode.RETRIES_FORM),
                )
            if name not in STEPS:
                raise BadInput(
                    Message.of(SetupCode.RETRIES_NO_STEP, part=repr(part), step=name),
                    advice=Message.of(SetupCode.STEPS_ARE, steps=tuple(STEPS)),
                )
            tries[name] = int(number)
        return tries

    def require_sound(self) -> None:
        """Raise BadInput for settings that are only checked when they are used: at the start, and not one card
        later.
        """
        _ = self.key_ring, self.tries_of_steps, self.owners
        if self.dagster_key and not _PLAIN.fullmatch(self.dagster_key):
            raise BadInput(
                Message.of(SetupCode.DAGSTER_SECRET_UNSENDABLE),
                advice=Message.of(SetupCode.LETTERS_AND_DIGITS),
            )
        if self.logo is not None and self.logo.suffix.lower() not in LOGOS:
            raise BadInput(Message.of(DeliveryCode.LOGO_NOT_USABLE), file=self.logo)

    @cached_property
    def owners(self) -> list[str]:
        """The owners of all assets. Raises BadInput for an owner that Dagster would not accept."""
        found = list(filter(None, map(str.strip, self.asset_owners.split(","))))
        for owner in found:
            if not _OWNER.match(owner):
                raise BadInput(
                    Message.of(SetupCode.OWNER_UNKNOWN, owner=repr(owner)),
                    advice=Message.of(SetupCode.OWNERS_FORM),
                )
        return found

    def retries_of(self, step: str) -> int:
        """How often this step is tried again. Raises BadInput as `tries_of_steps` does."""
        return self.tries_of_steps.get(step, self.retries)

    @cached_property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database_url or self.own_catalog_url

    @cached_property
    def own_catalog_url(self) -> str:
        """URL of the catalog in the data folder, which is used if no server is named."""
        # Quoted: in an address `?` begins options and `%20` is a space, and a folder's name may contain both.
        return f"sqlite:///{quote(str(self.data / 'catalog.db'))}"

    @cached_property
    def store_dir(self) -> Path:
        """Content-addressed objects and derived segments."""
        return self.data / "store"

    @cached_property
    def cards_dir(self) -> Path:
        """Notes that name folders standing for cards. `stinercut card insert` writes them here, this detector
        watches.
        """
        return self._of_this_detector("cards")

    @cached_property
    def films_dir(self) -> Path:
        """Finished films, one folder per jump. A film appears here only after it passed its checks."""
        return self.data / "films"

    @cached_property
    def templates_dir(self) -> Path:
        """This installation's own templates, one folder each. They come before bundled ones of the same name."""
        return self.data / "templates"

    @cached_property
    def imports_dir(self) -> Path:
        """The files copied from each card under the card's own names: links into the store, and a manifest."""
        return self.data / "imports"

    @cached_property
    def dagster_home(self) -> Path:
        """Dagster's instance folder (`DAGSTER_HOME`)."""
        return self.data / "dagster"

    @cached_property
    def logs_dir(self) -> Path:
        """One log file per process of `stinercut up`."""
        return self.data / "logs"

    @cached_property
    def link_key_file(self) -> Path:
        """The key of passengers' links."""
        return self.data / "secrets" / "passenger-links.key"

    @cached_property
    def local_secret_file(self) -> Path:
        """The secret by which the hub knows commands of this installation."""
        return self.data / "secrets" / "hub.key"

    @cached_property
    def detector_dir(self) -> Path:
        """This detector's own state: its journal."""
        return self._of_this_detector("detector")

    @property
    def is_hubs_own_detector(self) -> bool:
        """Whether this detector is the one that `stinercut up` starts by default."""
        return self.detector_id == Settings.model_fields["detector_id"].default

    def _of_this_detector(self, name: str) -> Path:
        """A folder of this detector. Several detectors may share the data folder: each but the hub's has its
        own ones.
        """
        return self.data / name if self.is_hubs_own_detector else self.data / name / self.detector_id

    @cached_property
    def detector_url(self) -> str:
        """WebSocket address to which the detector connects."""
        return self.hub_url or f"ws://127.0.0.1:{self.hub_port}/ws/detector"

    @cached_property
    def hub_address(self) -> str:
        """Address of the board for a person on this machine."""
        return f"http://{_in_url(reachable(self.host))}:{self.hub_port}"

    @cached_property
    def board_address(self) -> str:
        """Address of the board for people on any machine: links lead to it."""
        return (self.hub_public_url or self.hub_address).rstrip("/")

    @cached_property
    def dagster_address(self) -> str:
        """Address of Dagster's pages for people: links lead to it."""
        return self.dagster_public_url or f"http://{_in_url(reachable(self.dagster_host))}:{self.dagster_port}"

    @cached_property
    def dagster_endpoint(self) -> str:
        """Address of the Dagster webserver for programs: the hub sends GraphQL queries to it."""
        return self.dagster_url or f"http://{_in_url(reachable(self.dagster_host))}:{self.dagster_port}"

    @property
    def dagster_key(self) -> str | None:
        """The secret between hub and Dagster webserver, if there is one: an empty one counts as not set."""
        return self.dagster_secret.get_secret_value() or None if self.dagster_secret else None

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, so that a child process gets the same settings."""
        out: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None:
                continue
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            out[f"STINERCUT_{name.upper()}"] = text
        return out


def _secret_names() -> set[str]:
    fields = Settings.model_fields.items()
    return {name for name, field in fields if SecretStr in (field.annotation, *get_args(field.annotation))}


def reachable(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _in_url(host: str) -> str:
    """A host for a URL: IPv6 addresses get brackets."""
    return f"[{host}]" if ":" in host else host
