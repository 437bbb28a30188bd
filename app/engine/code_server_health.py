"""The health check of this machine's code server: `python -m app.engine.code_server_health PORT`.

Owns: asking it over gRPC, and an exit code. Not here: starting it (`dagster_child`).

Dagster's own command for this loads all of Dagster, which costs seconds of a core at each check. A busy machine would
then take the code server for dead, and nothing that waits for it would start.
"""

from __future__ import annotations

import sys

ANSWER_S = 5.0
"""Less than the limit of Docker's health check, which ends a check without a reason."""
SERVICE = "DagsterApi"
"""The name under which Dagster's server reports its health."""


def what_is_wrong(port: int) -> str | None:
    """Why the code server doesn't serve, or None if it does."""
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check", HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
        )
        try:
            answer = check(HealthCheckRequest(service=SERVICE), timeout=ANSWER_S)
        except grpc.RpcError as refused:
            return f"The code server does not answer: {refused}"
    return None if answer.status == HealthCheckResponse.SERVING else "The code server says that it does not serve."


if __name__ == "__main__":
    sys.exit(what_is_wrong(int(sys.argv[1])))
