"""Identification of a card as the sensor asks for it, in this process."""

from __future__ import annotations

import dagster as dg

from app.engine.definitions import defs
from sensors.cards.new_manifests import new_manifests


def identified(instance: dg.DagsterInstance) -> tuple[list[str], str]:
    """Identify the card as the sensor asks for. Keys of the jumps found, and the run key that was asked for."""
    with dg.build_sensor_context(instance=instance) as context:
        asked = new_manifests(context)
        assert isinstance(asked, dg.SensorResult)
        assert asked.run_requests
        for request in asked.dynamic_partitions_requests or []:
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        job = defs.resolve_job_def("identify_card")
        result = job.execute_in_process(instance=instance, partition_key=str(asked.run_requests[0].partition_key))
        return list(result.output_for_node("card_sessions")), str(asked.run_requests[0].run_key)
