"""Dagster's definitions: everything of `stinercut_assets` and `sensors`, with their resources and executor.

Owns: putting them together for the code server. Not here: the definitions themselves, choosing the executor
(`executors`).
"""

from __future__ import annotations

import dagster as dg

from app.engine.executors import film_executor
from app.engine.postgres_reconnect import wait_for_postgres
from sensors.cards.new_manifests import new_manifests
from sensors.films.arriving_clips import arriving_clips
from sensors.films.changed_templates import changed_templates
from sensors.films.overdue_films import overdue_films
from sensors.films.ready_jumps import ready_jumps
from sensors.runs.ended_runs import ended_runs
from stinercut.settings import Settings
from stinercut_assets.cards.card_sessions import card_sessions
from stinercut_assets.cards.step_kinds import CARD_KINDS
from stinercut_assets.common.catalog_entries import as_listed
from stinercut_assets.common.jobs import identify_card, produce_jump
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.sensors_run import sensors_run
from stinercut_assets.common.values.kept_outputs import kept_outputs
from stinercut_assets.films.arrived_clips import render_arrived_clips
from stinercut_assets.films.freshness import films_in_time
from stinercut_assets.films.imported_files import imported_files
from stinercut_assets.films.lineage import film_template, footage
from stinercut_assets.films.qr_identity import qr_identity
from stinercut_assets.films.rendered_video import rendered_video
from stinercut_assets.films.session_clips import session_clips
from stinercut_assets.films.step_kinds import FILM_KINDS
from stinercut_assets.films.title_and_outro import title_and_outro
from stinercut_assets.upkeep.tidying import every_night, tidy_up

if Settings().dagster_database_url:
    wait_for_postgres()

defs = dg.Definitions(
    assets=as_listed(
        [
            footage,
            film_template,
            card_sessions,
            imported_files,
            qr_identity,
            title_and_outro,
            session_clips,
            rendered_video,
        ],
        Settings(),
    ),
    asset_checks=[films_in_time, sensors_run],
    jobs=[identify_card, produce_jump, render_arrived_clips, tidy_up],
    schedules=[every_night],
    sensors=[new_manifests, ready_jumps, arriving_clips, ended_runs, changed_templates, overdue_films],
    executor=film_executor(Settings()),
    resources={"installation": Installation(), "io_manager": kept_outputs((*CARD_KINDS, *FILM_KINDS))},
)
