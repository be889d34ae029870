"""One call of ``transcribe``, from what was asked for to the last line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.commandline.client.connection import Connection
from server.commandline.faults import Fault, Status
from server.commandline.transcribe.display import Display, display_for
from server.commandline.transcribe.done import digest_of
from server.commandline.transcribe.hearing import Recording
from server.commandline.transcribe.inputs import Input, inputs_meanwhile
from server.commandline.transcribe.opening import Place, opened
from server.commandline.transcribe.places import Places, check_writable, show
from server.commandline.transcribe.run import Task, transcribe_all
from server.commandline.transcribe.wishes import WishFlags
from server.protocols.openai.response_format import AnyFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; see the command's options."""

    recordings: Sequence[str]
    place: Place
    formats: Sequence[AnyFormat]
    output: str | None
    flags: WishFlags
    detach: bool
    overwrite: bool
    bars: bool
    quiet: bool


async def transcribe(plan: Plan) -> Status:
    """Do it. Raises Fault, and BrokenPipeError where nobody reads what is printed."""
    fields = plan.flags.fields()
    async with inputs_meanwhile(plan.recordings) as found:
        task = Task(
            places=Places.of(plan.output, found, plan.formats),
            formats=plan.formats,
            fields=fields,
            digest=digest_of(fields, plan.place.here),
            overwrite=plan.overwrite,
            patience=plan.place.wait,
            most=plan.place.parallel,
        )
        for each in found:
            task.files(each)  # a template that cannot be filled is told before anything is done
        left = [each for each in found if not task.is_done(each)]
        display = display_for(quiet=plan.quiet, verbose=plan.place.verbose, bars=plan.bars)
        try:
            if not left:
                display.say(f"{len(found)} done before; --overwrite does them again.")
                return Status.DONE
            check_writable(file for each in left for file in task.files(each))
            if plan.detach:
                return await _submit_all(plan, left, task, display)
            async with opened(plan.place, display) as hearing:
                return await transcribe_all(hearing, left, task, display, skipped=len(found) - len(left))
        finally:
            display.close()


async def _submit_all(plan: Plan, left: Sequence[Input], task: Task, display: Display) -> Status:
    """Make a job of each, and print their ids, a line each, with the recording behind it."""
    from server.commandline.transcribe.through_server import ThroughServer

    assert plan.place.server is not None
    connection, status = Connection.to(plan.place.server, plan.place.key), Status.DONE
    async with connection.async_client(1) as client:
        through = ThroughServer(connection, client, patience=plan.place.wait, background=True)
        for each in left:
            row = display.begin(each.name)
            try:
                job = await through.submit(Recording(each.name, each.file), task.fields, row)
            except Fault as fault:
                display.failed(f"{each.name}: {fault.message}")
                status = Status.FAILED
            else:
                show(f"{job}\t{each.name}\n")
            finally:
                display.end(row, "")
    return status
