"""``vibevoice-asr models``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from server.commandline import options

app = typer.Typer(help="Show which checkpoint there is, and fetch it.", no_args_is_help=True)

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help='A hub id, a folder, or "tiny"; by default the configured one.'),
]
Revision = Annotated[
    str | None, typer.Option("--revision", metavar="COMMIT", help="Commit or tag of a hub checkpoint.")
]


@app.command()
def show(
    name: Name = None,
    revision: Revision = None,
    device: options.Device = None,
    weights: options.Weights = None,
    as_json: options.AsJson = False,
) -> None:
    """Show where a checkpoint lies, and what fits with it.

    Its size, and how much audio this device holds. The status is 1 where it is not there or does not fit.
    """
    from server.commandline.models.about import about, lines

    overrides = {"model": name, "revision": revision, "device": device, "weights": weights}
    found = about(overrides)
    told = json.dumps(found, indent=2) if as_json else "\n".join(lines(found))
    sys.stdout.write(f"{told}\n")
    raise typer.Exit(0 if found["fits"] else 1)


@app.command()
def pull(name: Name = None, revision: Revision = None, quiet: options.Quiet = False) -> None:
    """Fetch a checkpoint from the hub, and print its folder.

    Every file is held against its checksum. What broke off goes on.
    """
    from server.commandline.models.fetching import fetched

    sys.stdout.write(f"{fetched(name, revision, quiet=quiet)}\n")
