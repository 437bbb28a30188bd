"""The production set-up, checked without a container engine: the Compose file, the image, Dagster's instance there."""

from __future__ import annotations

import asyncio
import graphlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psutil
import pytest
import redis
import yaml
from dagster._daemon import cli
from dagster._daemon.controller import DEFAULT_HEARTBEAT_INTERVAL_SECONDS
from support.ports import own_port
from support.repository import REPOSITORY
from support.servers import redis_program
from support.stacks import until

from app.engine import daemon_health, postgres_storage
from app.engine.postgres_reconnect import PATIENCE
from app.engine.postgres_storage import SettingsPostgresStorage
from app.fleet.registry import result_url
from hub.app import create_app
from stinercut.secrets import PASSWORDS, SECRETS, variable
from stinercut.settings import Settings
from stinercut_assets.common.resources import Installation
from stinercut_assets.films.jump_steps import jump_page

ROOT = REPOSITORY
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "stinercut"}
MORE_TEXTS = {name: (ROOT / "deploy" / name).read_text() for name in ("reachable.yml", "worker.yml")}
MORE: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in MORE_TEXTS.items()}
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
DAGSTER: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
WORKSPACE: dict[str, Any] = yaml.safe_load((ROOT / "workspace.yaml").read_text())


def environment_names(value: Any) -> set[str]:
    """Names that a Dagster file reads as `{env: NAME}`."""
    if isinstance(value, list):
        return {name for one in value for name in environment_names(one)}
    if not isinstance(value, dict):
        return set()
    own = {value["env"]} if isinstance(value.get("env"), str) else set()
    return own | {name for one in value.values() for name in environment_names(one)}


ALL_FILES = {"docker-compose.yml": COMPOSE, **MORE}


@pytest.mark.parametrize("name", ALL_FILES)
def test_compose_files_keep_to_the_specification(name: str) -> None:
    # The schema of https://github.com/compose-spec/compose-spec (schema/compose-spec.json, Apache-2.0).
    jsonschema.validate(ALL_FILES[name], SCHEMA, jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "change",
    [
        {"services": {"worker": {"restart": True}}},
        {"services": {"worker": {"depend_on": ["redis"]}}},
        {"services": {"worker": {"healthcheck": {"test": ["CMD", "true"], "interval": 30}}}},
        {"volume": {"data": None}},
    ],
)
def test_the_specification_notices_mistakes(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**COMPOSE, **change}, SCHEMA, jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "files", [["docker-compose.yml"], ["docker-compose.yml", "deploy/reachable.yml"], ["deploy/worker.yml"]]
)
def test_docker_takes_the_files(files: list[str]) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker's compose is not installed")
    names = re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT + "".join(MORE_TEXTS.values()))
    chosen = [word for name in files for word in ("-f", str(ROOT / name))]
    ran = subprocess.run(
        [docker, "compose", *chosen, "--project-directory", str(ROOT), "config", "--quiet"],
        env={**os.environ, **dict.fromkeys(names, "1"), "STINERCUT_PRIVATE_ADDRESS": "10.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_worker_elsewhere_is_as_one_here() -> None:
    there, here = MORE["worker.yml"]["services"]["worker"], OURS["worker"]
    same = set(there) - {"environment", "volumes"}
    assert {name: there[name] for name in same} == {name: here[name] for name in same}
    for name, value in there["environment"].items():
        local = re.sub(r"\$\{STINERCUT_PRIVATE_ADDRESS[^}]*\}:(\d+)", lambda port: f"{PORTS[port[1]]}:{port[1]}", value)
        assert local == here["environment"][name], name
    assert MORE["worker.yml"]["volumes"] == MORE["reachable.yml"]["volumes"]


PORTS = {"5432": "postgres", "6379": "redis"}


def test_ours_run_without_rights_and_others_do_not_run_as_root() -> None:
    for service in OURS.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "cap_add", "user"} & set(service)
    assert SERVICES["redis"]["user"] == "redis"


TOLERANCE = "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE"


def test_a_daemon_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = OURS["dagster-daemon"]["environment"][TOLERANCE]
    monkeypatch.setenv(TOLERANCE, given)
    seconds = cli._get_heartbeat_tolerance()  # pyright: ignore[reportPrivateUsage]
    assert seconds == int(given), "Dagster reads it under this name"
    assert PATIENCE + 2 * DEFAULT_HEARTBEAT_INTERVAL_SECONDS < seconds <= 300
    assert float(given) == daemon_health.TOLERANCE_S
    assert OURS["dagster-daemon"]["healthcheck"]["test"] == ["CMD", "python", "-m", "app.engine.daemon_health"]
    assert f"{TOLERANCE}={given}" in (ROOT / "docs" / "deploy.md").read_text()


def test_no_health_check_loads_dagster() -> None:
    """It takes seconds of a core each time, and on a busy machine more than the check may take."""
    checks = [one["healthcheck"]["test"] for one in SERVICES.values() if "healthcheck" in one]
    assert not [check for check in checks if check[1].startswith("dagster")]
    modules = [check[3] for check in checks if check[:3] == ["CMD", "python", "-m"]]
    assert len(modules) == 2
    for module in modules:
        asked = f"import sys, {module}, grpc_health.v1.health_pb2, sqlalchemy; sys.exit('dagster' in sys.modules)"
        subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True)


def test_a_hub_is_ready_as_long_as_its_catalog_can_be_read(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path, "database_url": None})
    assert "/readyz" in OURS["hub"]["healthcheck"]["test"][-1]

    async def look() -> list[int]:
        app = create_app(settings)
        asked = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1"
        )
        async with app.router.lifespan_context(app), asked as hub:
            before = [(await hub.get(path)).status_code for path in ("/healthz", "/readyz")]
            with closing(sqlite3.connect(tmp_path / "catalog.db")) as catalog:
                catalog.execute("ALTER TABLE jump RENAME TO gone")
            return before + [(await hub.get(path)).status_code for path in ("/healthz", "/readyz")]

    alive, ready, still_alive, not_ready = asyncio.run(look())
    assert (alive, ready, still_alive) == (200, 200, 200)
    assert not_ready >= 500


def test_a_worker_is_checked_for_the_queues_that_it_works_on() -> None:
    for worker in (OURS["worker"], MORE["worker.yml"]["services"]["worker"]):
        command, check = worker["command"], worker["healthcheck"]["test"]
        assert check[:4] == ["CMD", "stinercut", "worker", "--check"]
        assert ("--queues" in command) is ("--queues" in check)
    guide = (ROOT / "docs" / "deploy.md").read_text()
    assert "readiness `stinercut worker --check`, liveness `stinercut worker --check --local`" in guide


def test_only_workers_scale_and_they_can() -> None:
    assert not {"container_name", "ports"} & set(OURS["worker"])
    grace = float(OURS["worker"]["command"][-1])
    assert OURS["worker"]["command"][:2] == ["stinercut", "worker"]
    assert float(OURS["worker"]["stop_grace_period"].removesuffix("s")) > grace + 10


def test_redis_starts_with_its_command_keeps_all_and_asks_for_the_password(tmp_path: Path) -> None:
    program = redis_program()
    if program is None:
        pytest.skip("Redis is not installed (Debian: redis-tools)")
    (tmp_path / "redis-server").symlink_to(program)
    port = own_port()
    secret = tmp_path / "password"
    secret.write_text("letters0and1digits")
    shell, option, script = SERVICES["redis"]["command"]
    # As Compose hands it over: two dollar signs are one; only places and port are the test's.
    script = script.replace("$$", "$").replace("--dir /data", f"--dir {tmp_path} --port {port} --bind 127.0.0.1")
    script = script.replace("/run/secrets/redis_password", str(secret))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    server = subprocess.Popen([shell, option, script], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(port=port, password="letters0and1digits")
        until(lambda: answers(client))
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        shown = psutil.Process(server.pid)
        assert "letters0" not in " ".join([*shown.cmdline(), *shown.environ().values()])
    finally:
        server.terminate()
        server.wait(10)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_the_settings_that_the_guide_names_are_real() -> None:
    named = set(re.findall(r"\bSTINERCUT_[A-Z_]+", (ROOT / "docs" / "deploy.md").read_text()))
    settings = {f"STINERCUT_{name.upper()}" for name in Settings.model_fields}
    settings |= {f"{variable(secret)}_FILE" for secret in (*SECRETS, *PASSWORDS.values())}
    compose = set(re.findall(r"\$\{(STINERCUT_[A-Z_]+)", COMPOSE_TEXT + "".join(MORE_TEXTS.values())))
    assert named <= settings | compose | environment_names(WORKSPACE)
    about_a_fleet = {name for name in settings if re.search("(URL|EXECUTOR|WORKERS|PATIENCE)$", name)} - {
        "STINERCUT_HUB_URL"
    }
    assert about_a_fleet <= named


def test_the_services_are_those_of_the_house() -> None:
    assert set(OURS) == {
        "prepare", "hub", "early-reader", "dagster-code", "dagster-webserver", "dagster-daemon", "worker",
    }  # fmt: skip
    assert set(SERVICES) - set(OURS) == {"postgres", "redis"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_comes_back_and_waits_for_what_it_needs(name: str) -> None:
    service = SERVICES[name]
    runs_to_its_end = name == "prepare"
    assert service["restart"] == ("no" if runs_to_its_end else "unless-stopped")
    for needed, how in service.get("depends_on", {}).items():
        if needed == "prepare":
            assert how == {"condition": "service_completed_successfully"}
        else:
            assert how == {"condition": "service_healthy"}
            assert SERVICES[needed]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_tables_are_made_before_anyone_uses_them() -> None:
    order = graphlib.TopologicalSorter({name: set(one.get("depends_on", {})) for name, one in SERVICES.items()})
    first, second, third, *others = order.static_order()
    assert ({first, second}, third) == ({"postgres", "redis"}, "prepare")
    assert all("prepare" in SERVICES[name]["depends_on"] for name in others)
    prepare = SERVICES["prepare"]["command"][-1]
    assert "python -m app.stack.prepare --dagster-home" in prepare
    environment = OURS["hub"]["environment"]
    assert environment["DAGSTER_HOME"] == str(Settings(data=Path(environment["STINERCUT_DATA"])).dagster_home)


def test_prepare_makes_the_catalog_and_the_folder_of_dagster(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "STINERCUT_DATA": str(tmp_path),
        "STINERCUT_DATABASE_URL": f"sqlite:///{tmp_path / 'catalog.db'}",
        "STINERCUT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://stinercut@127.0.0.1:1/dagster",
        # Redis being away is no reason to fail: every run says later which volume it works on.
        "STINERCUT_EXECUTOR": "celery",
        "STINERCUT_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    argv = [sys.executable, "-m", "app.stack.prepare", "--dagster-home"]
    subprocess.run(argv, cwd=ROOT, env=environment, check=True, timeout=120)
    assert yaml.safe_load((tmp_path / "dagster" / "dagster.yaml").read_text()) == DAGSTER
    assert {path.name for path in tmp_path.iterdir()} >= {"catalog.db", "volume.id"}


CATALOG = {
    f"STINERCUT_{name}" for name in ("DATABASE_URL", "DATABASE_PASSWORD_FILE", "BROKER_URL", "BROKER_PASSWORD_FILE")
}
FILMS = CATALOG | {f"STINERCUT_{name}" for name in ("RESULT_URL_FILE", "QR_KEYS_FILE", "QR_REQUIRE_SIGNED")}
GUARD = "STINERCUT_DAGSTER_SECRET_FILE"
KNOW: dict[str, set[str]] = {
    "prepare": CATALOG,
    "hub": {*FILMS, GUARD, "STINERCUT_TOKEN_FILE", "STINERCUT_MAIL_URL_FILE"},
    "dagster-webserver": {GUARD},
    "dagster-daemon": set(),
}
"""What not all of our services know; those that are not named here know all about films."""
OF_SOME = {*FILMS, *KNOW["hub"]}
OUR_FILES = {"docker-compose.yml": COMPOSE, "worker.yml": MORE["worker.yml"]}
"""Files that set up services of ours, each with its secrets."""


def secret_of(setting: str) -> str | None:
    """The secret that a `..._FILE` names, whether always or only where .env has it."""
    found = re.fullmatch(r"(?:\$\{(\w+):\+)?/run/secrets/(\w+)\}?", setting)
    return found[2] if found else None


@pytest.mark.parametrize("name", OUR_FILES)
def test_secrets_are_files_that_only_those_have_who_read_them(name: str) -> None:
    services, declared = OUR_FILES[name]["services"], OUR_FILES[name]["secrets"]
    for service in services.values():
        given = service.get("environment", {})
        files = {secret_of(value) for named, value in given.items() if named.endswith("_FILE")}
        # Redis takes no file; its command reads it.
        files |= set(re.findall(r"/run/secrets/(\w+)", " ".join(service.get("command", []))))
        assert files == set(service.get("secrets", []))
    assert {secret for service in services.values() for secret in service.get("secrets", [])} == set(declared)
    example = (ROOT / "deploy" / "example.env").read_text()
    for secret in declared.values():
        assert re.search(rf"^{secret['environment']}=$", example, re.MULTILINE)


@pytest.mark.parametrize("name", OUR_FILES)
def test_no_secret_stands_in_what_docker_shows_of_a_container(name: str) -> None:
    given = OUR_FILES[name]
    secrets = {one["environment"] for one in given["secrets"].values()}
    for service in given["services"].values():
        for named, value in service.get("environment", {}).items():
            assert named.removeprefix("STINERCUT_").lower() not in SECRETS or named.endswith("_URL")
            assert named not in secrets
            assert not (named.endswith("_URL") and re.search(":[^/]*@", str(value))), "an address with a password"
        # `${SECRET:+file}` gives the file's name, all other forms the secret itself.
        written = re.findall(r"\$\{(\w+)(?!\w|:\+)", yaml.safe_dump(service))
        assert not secrets & set(written)


def test_a_secret_that_need_not_be_set_is_named_only_where_it_is() -> None:
    optional = {"result_url", "qr_keys", "mail_url"}
    demanded = {one["environment"] for name, one in COMPOSE["secrets"].items() if name not in optional}
    assert set(COMPOSE["x-demanded"]) == {f"${{{name}:?set it in .env}}" for name in demanded}
    there = MORE["worker.yml"]["secrets"]
    assert set(MORE["worker.yml"]["x-demanded"]) == {
        f"${{{one['environment']}:?set it in .env}}" for name, one in there.items() if name not in optional
    }
    for name in optional:
        written = OURS["hub"]["environment"][f"STINERCUT_{name.upper()}_FILE"]
        assert written == f"${{STINERCUT_{name.upper()}:+/run/secrets/{name}}}"


@pytest.mark.parametrize("name", OURS)
def test_our_services_share_image_data_and_environment(name: str) -> None:
    service, first = OURS[name], OURS["hub"]
    assert service["build"] == first["build"]
    assert _without(OF_SOME, service["environment"]) == _without(OF_SOME, first["environment"])
    own = set(service["environment"]) & OF_SOME
    assert own == KNOW.get(name, FILMS), "each knows the secrets that it needs, and no others"
    assert "data:/data" in service["volumes"]
    assert service["environment"]["STINERCUT_DATA"] == "/data"


def test_named_volumes_are_declared() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(("./", "/"))
    }
    assert named == set(COMPOSE["volumes"])


def test_files_that_are_mounted_or_built_from_exist() -> None:
    mounted = [volume.split(":")[0] for volume in SERVICES["postgres"]["volumes"] if volume.startswith("./")]
    assert mounted
    for name in (*mounted, OURS["hub"]["build"]["dockerfile"]):
        assert (ROOT / name).is_file(), name


def _without(names: set[str], environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def test_every_setting_in_the_environment_is_read_by_somebody() -> None:
    read = {f"STINERCUT_{name.upper()}" for name in Settings.model_fields}
    read |= environment_names(DAGSTER) | environment_names(WORKSPACE)
    read |= {variable(password) for password in PASSWORDS.values()}
    given = {name.removesuffix("_FILE") for name in OURS["hub"]["environment"]} - {"DAGSTER_HOME", TOLERANCE}
    assert given <= read
    assert environment_names(DAGSTER) | environment_names(WORKSPACE) <= given


IN_COMPOSE = {"workers": 2, "hub_public_url": "http://localhost:8800", "dagster_public_url": "http://localhost:3000"}
"""Where Compose has another default than a machine of one's own, which has cores and browsers of its own."""

NOT_IN_COMPOSE = {
    "HUB_PORT": "the port inside the container; another one outside is a line of `ports`",
    "DAGSTER_PORT": "the same",
    "WATCH_MOUNTS": "the detector's, which runs in no container",
    "DETECTOR_ID": "the detector's",
    "HUB_URL": "the detector's",
}
NOT_ON_OTHER_MACHINES = {
    **NOT_IN_COMPOSE,
    "HOST": "nothing listens there",
    "TOKEN": "detectors show it to the hub",
    "ACCESS": "the hub's",
    "TRUSTED_PROXIES": "the hub's",
    "HUB_NAMES": "the hub's",
    "SMALL_FILE_LIMIT": "the hub's",
    "DAGSTER_URL": "the hub asks Dagster",
    "DAGSTER_HOST": "Dagster's webserver listens there",
    "DAGSTER_SECRET": "the hub's and the webserver's",
    "DAGSTER_PUBLIC_URL": "the hub's pages link there",
    "CODE_PORT": "no code server there",
    "WORKER_PATIENCE": "the run waits, in the code server",
    "ASSET_OWNERS": "shown by the webserver, which asks the code server",
    "RUNS_KEPT_DAYS": "the code server tidies up",
    "SEGMENTS_KEPT_DAYS": "the same",
    "SHARE_DAYS": "the hub's: passengers' links",
    "LANGUAGE": "the hub's: pages",
    "LOGO": "the hub's: passengers' pages",
    "MAIL_URL": "the hub writes letters",
    "MAIL_FROM": "the same",
    "MAIL_WHEN_READY": "the same",
}


def test_every_setting_is_passed_on_or_has_a_reason_not_to_be() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    worker = MORE["worker.yml"]["services"]["worker"]
    for environment, left_out in (
        (OURS["hub"]["environment"], NOT_IN_COMPOSE),
        (worker["environment"], NOT_ON_OTHER_MACHINES),
    ):
        ours = {name.removesuffix("_FILE") for name in environment if name.startswith("STINERCUT_")}
        ours -= {variable(password) for password in PASSWORDS.values()}
        passed = {name.removeprefix("STINERCUT_") for name in ours}
        assert settings - passed == set(left_out), "pass it on, or say why not"


def test_what_is_not_set_is_as_everywhere() -> None:
    usual = Settings.model_validate({})
    for name, value in OURS["hub"]["environment"].items():
        if default := re.fullmatch(r"\$\{" + name + r":-(.+)\}", value):
            field = name.removeprefix("STINERCUT_").lower()
            given = Settings.model_validate({field: default[1]})
            assert getattr(given, field) == IN_COMPOSE.get(field, getattr(usual, field)), name


def test_a_setting_passed_on_empty_is_one_that_was_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STINERCUT_BROKER_URL", "redis://here/0")
    usual = Settings()
    for name in re.findall(r"\$\{(STINERCUT_[A-Z_]+):-\}", COMPOSE_TEXT + "".join(MORE_TEXTS.values())):
        monkeypatch.setenv(name, "")
    empty = Settings()
    assert result_url(empty) == result_url(usual)
    assert empty.key_ring.fingerprint == usual.key_ring.fingerprint
    for name in set(Settings.model_fields) - {"result_url", "qr_keys"}:
        assert getattr(empty, name) == getattr(usual, name), name


def test_links_lead_to_the_board_as_people_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Settings(host="0.0.0.0", hub_port=8811)
    assert here.board_address == here.hub_address == "http://127.0.0.1:8811"
    monkeypatch.setenv("STINERCUT_HUB_PUBLIC_URL", "https://board.example.org/")
    anywhere = Settings()
    assert anywhere.board_address == "https://board.example.org"
    assert anywhere.hub_address == "http://127.0.0.1:8800", "commands of this machine ask the hub directly"
    assert jump_page(Installation(), "2026-06-01_B-1") == "https://board.example.org/#jump=2026-06-01_B-1"


def test_secrets_come_from_outside_and_are_demanded() -> None:
    example = (ROOT / "deploy" / "example.env").read_text()
    for name in set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT + "".join(MORE_TEXTS.values()))):
        assert re.search(rf"^{name}=", example, re.MULTILINE), f"{name} is not explained in deploy/example.env"
    names = "POSTGRES_PASSWORD|REDIS_PASSWORD|STINERCUT_TOKEN|STINERCUT_DAGSTER_SECRET"
    assert re.findall(rf"^(?:{names})=(.*)$", example, re.MULTILINE) == [""] * 4


def test_only_hub_and_webserver_know_the_secret_between_them() -> None:
    know = [name for name, service in OURS.items() if GUARD in service["environment"]]
    assert sorted(know) == ["dagster-webserver", "hub"]


def test_only_the_hub_is_reachable_from_other_machines() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    hub, dagster = Settings.model_fields["hub_port"].default, Settings.model_fields["dagster_port"].default
    assert ports == {"hub": [f"{hub}:{hub}"], "dagster-webserver": [f"127.0.0.1:{dagster}:{dagster}"]}


def test_addresses_inside_lead_to_services_that_listen_there() -> None:
    environment = OURS["hub"]["environment"]
    code, port = environment["STINERCUT_CODE_HOST"], environment["STINERCUT_CODE_PORT"]
    assert OURS[code]["command"][-4:] == ["-h", "0.0.0.0", "-p", port]
    assert environment["STINERCUT_DAGSTER_URL"] == "http://dagster-webserver:3000"
    assert OURS["dagster-webserver"]["command"][4:8] == ["-h", "0.0.0.0", "-p", "3000"]
    databases = [environment["STINERCUT_DATABASE_URL"], environment["STINERCUT_DAGSTER_DATABASE_URL"]]
    assert all(url.startswith("postgresql+psycopg2://") for url in databases), "the driver that is installed"
    assert [url.partition("@")[2] for url in databases] == ["postgres:5432/stinercut", "postgres:5432/dagster"]


@pytest.mark.parametrize(
    "module",
    [
        "hub.__main__",
        "app.engine.definitions",
        "app.stack.prepare",
        "app.engine.dagster_child",
        "app.engine.code_server_health",
        "app.engine.daemon_health",
    ],
)
def test_modules_that_commands_name_exist(module: str) -> None:
    assert find_spec(module)
    started = [*(one["command"] for one in OURS.values())]
    started += [one["healthcheck"]["test"] for one in OURS.values() if "healthcheck" in one]
    assert any(module.removesuffix(".__main__") in " ".join(words) for words in started)


def test_the_image_runs_as_a_person_without_rights_and_has_the_programs() -> None:
    lines = DOCKERFILE.splitlines()
    assert lines.index("USER stinercut") < next(number for number, line in enumerate(lines) if line.startswith("CMD"))
    assert lines[-1] == 'CMD ["python", "-m", "hub"]'
    setup = (ROOT / "scripts" / "setup").read_text()
    packages = re.findall(r"\becho ([a-z0-9-]+)(?:; fi)?$", setup, re.MULTILINE)
    runtime = set(packages) - {"python3-venv", "postgresql", "redis-tools", "unicode-data", "chromium"}
    assert {"ffmpeg", "libzbar0"} <= runtime
    assert set(re.findall(r"--no-install-recommends \\\n\s+(.+?) \\", DOCKERFILE)[0].split()) == runtime


def test_the_image_gets_the_files_that_its_services_read() -> None:
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    for needed in ("workspace.yaml", "deploy", "pyproject.toml", "constraints.txt", "stinercut", "hub"):
        assert needed not in left_out
    assert ".env" in left_out


def test_dagster_is_set_up_as_on_one_machine_except_for_its_storage() -> None:
    alone: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    production = dict(DAGSTER)
    del alone["schedule_storage"], production["storage"]
    assert alone == production
    storage = DAGSTER["storage"]["custom"]
    assert (storage["module"], storage["class"]) == (postgres_storage.__name__, SettingsPostgresStorage.__name__)


# ------------------------------------------------------------------------------------------------ what the guide says

POD_SECURITY = {
    *("appArmorProfile", "fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxOptions"),
    *("seLinuxChangePolicy", "seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls"),
}
"""What Kubernetes takes in a pod's securityContext (PodSecurityContext in core/v1), less what is Windows'."""
CONTAINER_SECURITY = {
    *("allowPrivilegeEscalation", "appArmorProfile", "capabilities", "privileged", "procMount", "runAsGroup"),
    *("readOnlyRootFilesystem", "runAsNonRoot", "runAsUser", "seLinuxOptions", "seccompProfile"),
}
"""The same in a container's (SecurityContext)."""


def test_kubernetes_takes_the_pod_of_the_guide() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    (block,) = re.findall(r"^```yaml\n(spec:\n.*?)^```", guide, flags=re.MULTILINE | re.DOTALL)
    pod = yaml.safe_load(block)["spec"]
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"].keys() <= POD_SECURITY
    (container,) = pod["containers"]
    assert container["securityContext"].keys() <= CONTAINER_SECURITY
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    # Nowhere else is one spoken of, in one piece or otherwise.
    assert guide.count("securityContext") == 2


@pytest.mark.parametrize("name", [".env", "docker-compose.override.yml"])
def test_git_leaves_out_what_holds_secrets_and_what_is_of_one_machine(name: str) -> None:
    subprocess.run(["git", "check-ignore", "--quiet", "--no-index", name], cwd=ROOT, check=True)
    assert name in (ROOT / "docs" / "deploy.md").read_text()
