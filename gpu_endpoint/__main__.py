"""`python -m gpu_endpoint serve`: the inference container's command, on a laptop and at SageMaker."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gpu_endpoint.lifecycle.commands import add_arguments, run
from gpu_endpoint.settings import EndpointSettings


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m gpu_endpoint")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer GET /ping and POST /invocations")
    serve.add_argument("--host", help="address to listen on (SIGHTLINE_ENDPOINT_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8080, help="port; 0 lets the system choose (8080)")
    build = commands.add_parser("build", help="build what the first start would build, then end")
    models = commands.add_parser("models", help="register, load, promote and roll back models of a store")
    add_arguments(models)
    for command in (serve, build):
        command.add_argument("--home", type=Path, help="state folder (SIGHTLINE_HOME, ./.sightline)")
    return parser.parse_args()


def main() -> int:
    """Exit status of the command."""
    given = arguments()
    if given.command == "models":
        return run(given)
    settings = EndpointSettings(**({"home": given.home} if given.home else {}))
    if given.command == "build":
        from gpu_endpoint.pulling import run_build

        return run_build(settings)
    from gpu_endpoint.built import link_built
    from gpu_endpoint.server import serve

    if settings.built:
        link_built(settings.built, settings.home)
    try:
        return serve(settings, host=given.host or settings.endpoint_host, port=given.port)
    except OSError as error:
        print(f"cannot listen on port {given.port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
