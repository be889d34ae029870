"""``vibevoice-asr jobs``: recordings that a server transcribes when there is time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from server.commandline import options
from server.commandline.faults import Refused, Status

app = typer.Typer(help="Look after the jobs of a server: see transcribe --background.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Ids = Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids of jobs.")]


@app.command("list")
def list_jobs(
    server: options.Server = None,
    api_key: options.Key = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Only those: queued, in_progress, completed, ...")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, the newest first.")] = 20,
    as_json: options.AsJson = False,
) -> None:
    """List jobs, the newest first."""
    found = _client(server, api_key).listed(limit, status)
    if as_json:
        _print_json(found)
        return
    if not found:
        typer.echo("There are no jobs.", err=True)
    for job in found:
        _print(
            f"{job['id']}  {job['status']:<11}  {_when(job['created_at'])}  {_far(job):>16}  {job['filename'] or ''}"
        )


@app.command()
def show(job: Id, server: options.Server = None, api_key: options.Key = None, as_json: options.AsJson = False) -> None:
    """Show how far a job is."""
    found = _client(server, api_key).job(job)
    if as_json:
        _print_json(found)
        return
    times = ((name, found[f"{name}_at"]) for name in ("created", "started", "finished"))
    told = [
        ("job", found["id"]),
        ("recording", found["filename"] or ""),
        ("status", found["status"]),
        ("heard", _far(found)),
    ]
    told += [(name, _when(time)) for name, time in times if time is not None]
    told += [("segments", found["progress"]["segments"])]
    told += [("error", found["error"]["message"])] if found["error"] else []
    for name, value in told:
        _print(f"{name:<10} {value}")


@app.command()
def watch(
    job: Id,
    server: options.Server = None,
    api_key: options.Key = None,
    wait: options.Wait = options.WAIT_SECONDS,
    quiet: options.Quiet = False,
) -> None:
    """Wait for a job, and print what is said while it is heard. The status is 1 where it does not end well."""
    from server.commandline.client.jobs import ended_well

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text, err=True)

    client = _client(server, api_key)
    for event in client.followed(job, wait, say):
        if event.get("type") == "transcript.text.segment":
            _print(f"{event['speaker'] or '-'}: {event['text']}")
        elif "error" in event:
            typer.echo(f"{job}: {event['error']['message']}", err=True)
    raise typer.Exit(Status.DONE if ended_well(client.job(job)) else Status.FAILED)


@app.command()
def result(
    job: Id,
    server: options.Server = None,
    api_key: options.Key = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", "-f", metavar="FORMATS", help="As of transcribe; by default text.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="WHERE", help="As of transcribe; by default printed.")
    ] = None,
) -> None:
    """Print a job's transcript, or write it, in any format."""
    from pathlib import Path

    from server.commandline.transcribe.inputs import Input
    from server.commandline.transcribe.places import Places, check_writable, formats_of, text_of, write
    from server.commandline.transcribe.places import show as print_result

    client = _client(server, api_key)
    wanted = formats_of(formats or ["text"])
    name = Path(client.job(job)["filename"] or job).name
    source = Input(name, Path(name), Path(name), piped=True)
    places = Places.of(output, [source], wanted)
    files = [places.file(source, form) for form in wanted]
    check_writable(file for file in files if file is not None)
    for form, file in zip(wanted, files, strict=True):
        text = text_of(client.result(job, form.value))
        if file is None:
            print_result(text)
        else:
            write(file, text)
            typer.echo(str(file), err=True)


@app.command()
def cancel(jobs: Ids, server: options.Server = None, api_key: options.Key = None) -> None:
    """Have no more done for jobs."""
    client = _client(server, api_key)
    _each(jobs, lambda job: str(client.cancel(job)["status"]))


@app.command()
def delete(jobs: Ids, server: options.Server = None, api_key: options.Key = None) -> None:
    """Forget jobs, with all that came of them."""
    client = _client(server, api_key)

    def deleted(job: str) -> str:
        client.delete(job)
        return "deleted"

    _each(jobs, deleted)


def _each(jobs: Sequence[str], done: Callable[[str], str]) -> None:
    """Do it to each, whatever becomes of the others. Raises typer.Exit where it failed for any."""
    from server.commandline.client.connection import Unreachable

    failed = False
    for job in jobs:
        try:
            _print(f"{job}  {done(job)}")
        except Unreachable:
            raise  # the others would not be reached either
        except Refused as refusal:
            typer.echo(f"{job}: {refusal.message}", err=True)
            failed = True
    if failed:
        raise typer.Exit(Status.FAILED)


def _client(server: str | None, key: str | None) -> Any:
    from server.commandline.client.connection import Connection
    from server.commandline.client.jobs import JobsClient

    return JobsClient(Connection.to(server or options.DEFAULT_SERVER, key))


def _far(job: Any) -> str:
    from server.commandline.transcribe.display import clock

    progress = job["progress"]
    if progress["audio_seconds"] is None:
        return "-"
    return f"{clock(progress['audio_seconds_done'] or 0)} of {clock(progress['audio_seconds'])}"


def _when(time: float) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _print_json(value: object) -> None:
    _print(json.dumps(value, ensure_ascii=False, indent=2))
