"""The one page to look at when something is wrong."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra_cdk.metrics import P99, SUM, Watched, of_endpoint, queue_label
from infra_cdk.stages import Stage


def dashboard(scope: Construct, construct_id: str, *, stage: Stage, watched: Watched) -> cloudwatch.Dashboard:
    """From the outside in: the API, functions, videos, the endpoint, the database."""
    http, database = watched.http, watched.database
    functions = [function.lambda_function for function in watched.functions]
    rows: list[list[cloudwatch.IWidget]] = [
        [
            _graph("Requests", [http.metric_count(), http.metric_client_error(), http.metric_server_error()]),
            _graph("Latency (ms)", [http.metric_latency(statistic=s) for s in ("p50", P99)]),
        ],
        [
            _graph("Function errors", [function.metric_errors() for function in functions]),
            _graph("Function duration p99 (ms)", [f.metric_duration(statistic=P99) for f in functions]),
        ],
        [
            _graph("Videos started", [machine.metric_started() for machine in watched.machines]),
            _graph("Videos failed", [machine.metric_failed() for machine in watched.machines]),
        ],
        [
            _graph(
                "Messages waiting",
                [
                    queue.metric_approximate_number_of_messages_visible(label=queue_label(queue))
                    for queue in (*watched.work_queues, *watched.dead_letters)
                ],
            ),
            _graph(
                "Endpoint",
                [of_endpoint(watched.inference, m, SUM) for m in ("Invocations", "Invocation5XXErrors")],
            ),
        ],
        [
            _graph("Endpoint latency p99 (us)", [of_endpoint(watched.inference, "ModelLatency", P99)]),
            _graph("Aurora capacity (ACU)", [database.cluster.metric_serverless_database_capacity()]),
            _graph("Database connections", [database.cluster.metric_database_connections()]),
        ],
    ]
    return cloudwatch.Dashboard(
        scope,
        construct_id,
        dashboard_name=stage.stack_name,
        default_interval=Duration.hours(3),
        widgets=rows,
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)
