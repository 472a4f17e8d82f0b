"""sightline incidents summary: what an incident is about, sentence by sentence."""

from typing import Annotated

import typer
from rich.markup import escape

from client.caller import connect
from client.output import JsonFlag, moment, notes, print_json, results


def summary(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", help="INC-12, or its id.")],
    write: Annotated[
        bool, typer.Option("--write", help="Have it written anew, if anything has changed, and wait.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """What an incident is about; the number after each sentence counts the alerts it rests on."""
    with connect(ctx) as sightline:
        summaries, incident_id = sightline.summaries, sightline.incidents.id_of(incident_id)
        found = summaries.write(incident_id) if write else summaries.latest(incident_id)
    if as_json:
        print_json(found)
        return
    for sentence in found["sentences"]:
        results().print(f"{escape(sentence['text'])} [dim]\\[{sentence['alerts']}][/dim]")
    stood_in = ", standing in for the model" if found["degraded"] else ""
    at = moment(found["created_at"])
    notes().print(f"{found['because']}, {at}, by {found['written_by']}{stood_in}")
