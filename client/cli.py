"""The command `sightline`."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from client import (
    account_commands,
    alert_commands,
    asset_commands,
    copilot_commands,
    erase_commands,
    export_commands,
    import_commands,
    incident_commands,
    incident_config_commands,
    model_commands,
    refine_commands,
    source_commands,
    summary_commands,
)
from client.caller import Target
from client.concept_commands import concepts
from client.demo import demo
from client.errors import ClientError
from client.incident_demo.command import demo_incidents
from client.local import Port, port_option, run_local_cloud
from client.notification_commands import notifications
from client.output import exit_code, print_error
from client.search_command import search
from client.searches_commands import searches
from client.webhook_commands import webhooks

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not signed in or not allowed, 4 not found, "
    "5 no service, 6 not indexed."
)
app = typer.Typer(
    help="Sightline: find moments in driving video by describing them; make incidents of alerts.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    ctx: typer.Context,
    api: Annotated[
        str | None,
        typer.Option(envvar="SIGHTLINE_API_URL", metavar="URL", help="Where Sightline runs."),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(envvar="SIGHTLINE_WORKSPACE_ID", metavar="ID", help="The workspace to work in."),
    ] = None,
) -> None:
    """Remember where to call, for the command that follows."""
    ctx.obj = Target(api_url=api, workspace_id=workspace)


@app.command(rich_help_panel="This machine")
def up(port: Port = None) -> None:
    """Keep the local cloud running in the foreground (Ctrl-C stops it; its data stays)."""
    run_local_cloud("up", *port_option(port))


@app.command(rich_help_panel="This machine")
def down() -> None:
    """Stop the local cloud."""
    run_local_cloud("down")


demos = typer.Typer(invoke_without_command=True)
demos.callback()(demo)
demos.command("incidents")(demo_incidents)
app.add_typer(demos, name="demo", rich_help_panel="This machine")
app.command(rich_help_panel="Account")(account_commands.register)
app.command(rich_help_panel="Account")(account_commands.confirm)
app.command("resend-code", rich_help_panel="Account")(account_commands.resend)
app.command("reset-password", rich_help_panel="Account")(account_commands.reset_password)
app.command(rich_help_panel="Account")(account_commands.login)
app.command(rich_help_panel="Account")(account_commands.logout)
app.command(rich_help_panel="Account")(account_commands.whoami)
app.add_typer(account_commands.keys, name="keys", rich_help_panel="Account")
app.command(rich_help_panel="Video")(asset_commands.upload)
app.add_typer(asset_commands.assets, name="assets", rich_help_panel="Video")
app.command(rich_help_panel="Video")(search)
app.add_typer(export_commands.exports, name="exports", rich_help_panel="Video")
app.add_typer(import_commands.imports, name="imports", rich_help_panel="Video")
app.add_typer(erase_commands.erase, name="erase", rich_help_panel="Video")
app.command(rich_help_panel="Video")(erase_commands.retention)
app.add_typer(model_commands.models, name="models", rich_help_panel="This machine")
for command in (refine_commands.refine, refine_commands.session, refine_commands.act, refine_commands.action):
    searches.command()(command)
app.add_typer(searches, name="searches", rich_help_panel="Video")
app.add_typer(concepts, name="concepts", rich_help_panel="Video")
app.add_typer(webhooks, name="webhooks", rich_help_panel="Video")
incident_commands.incidents.command()(summary_commands.summary)
incident_commands.incidents.add_typer(incident_config_commands.maintenance, name="maintenance")
incident_commands.incidents.add_typer(incident_config_commands.settings, name="settings")
incident_commands.incidents.command("retention")(erase_commands.incident_retention)
app.add_typer(source_commands.sources, name="sources", rich_help_panel="Alerts")
app.add_typer(alert_commands.alerts, name="alerts", rich_help_panel="Alerts")
app.add_typer(incident_commands.incidents, name="incidents", rich_help_panel="Alerts")
app.add_typer(notifications, name="notifications", rich_help_panel="Alerts")
app.add_typer(copilot_commands.runbooks, name="runbooks", rich_help_panel="Alerts")
app.command(rich_help_panel="Alerts")(copilot_commands.ask)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    try:
        app(args=list(arguments), prog_name="sightline")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:
        # `| head` has read enough; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ClientError as error:
        print_error(error, as_json="--json" in arguments)
        return exit_code(error)
    return 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
