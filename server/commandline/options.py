"""Options that several commands have, each with one wording."""

from __future__ import annotations

from typing import Annotated

import typer

Server = Annotated[
    str | None,
    typer.Option("--server", "-s", envvar="VIBEVOICE_SERVER", metavar="URL", help="Address of a running server."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="VIBEVOICE_API_KEY",
        metavar="KEY",
        help="Key for the server. Better by environment: every user of the machine can see flags.",
    ),
]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0, metavar="SECONDS", help="How long a busy or restarting server is waited for."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Hotwords = Annotated[
    list[str] | None,
    typer.Option("--hotwords", metavar="WORDS", help="Names and terms to expect, separated by commas. Repeatable."),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        "--prompt",
        "--initial-prompt",
        metavar="TEXT",
        help="What it is about: helps with names and terms.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", metavar="NAME", help='Checkpoint: a hub id, a folder, or "tiny" for the bundled one.'
    ),
]
Device = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda, cuda:1, mps.")
]
Weights = Annotated[
    str | None,
    typer.Option("--weights", metavar="FORMAT", help="What the weights are kept in: auto, bf16, nf4, int8, fp8."),
]

WAIT_SECONDS = 300.0
DEFAULT_SERVER = "http://127.0.0.1:8000"
"""Of commands that cannot do without one."""
