"""GPU memory against what fits into it, for the full-size model in every format of weights.

    python -m bench.parts.memory [--parts] [--record]

Computed, not measured: the plan is the one that the server makes when it starts, and pages and requests come from the
code that uses them. ``--parts`` prints each plan. ``bench.gpu`` says what a real GPU holds.
"""

from __future__ import annotations

from transformers import VibeVoiceAsrForConditionalGeneration

from bench.rehearsal.card import CONTEXT, card_of
from bench.support.capacity import by_memory
from bench.support.random_model import full_size, without_memory
from bench.support.report import Report, machine, parser
from model.decoder.dimensions import language_config
from model.drafts.bounds import DRAFT_POSITIONS
from model.family import VIBEVOICE_ASR
from model.memory.economy import ECONOMIES
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan, NotEnoughMemoryError
from model.memory.planner import GPU_PAGE, Planner
from model.seam.runner import RunnerInfo, WeightFormat
from model.seam.steps import DEFAULT_STEPS
from server.engine.budget import pass_positions

CARDS = (8, 12, 16, 20, 24, 32, 40, 48, 80, 141)
"""GB, as cards are sold; see ``card_of`` for what programs get of them."""
FORMATS: tuple[WeightFormat, ...] = ("bf16", "int8", "fp8", "nf4")
_HOPPER = 80
"""GB from which a card is taken for one of compute capability 9."""
_LEAST, _HOUR = 300.0, 3600.0


def main() -> None:
    """Compute and print the table."""
    command = parser(__doc__)
    command.add_argument("--parts", action="store_true")
    options = command.parse_args()
    model = without_memory(full_size())
    report = Report("memory")
    report.say(
        f"Computed by {machine()}. CUDA takes {CONTEXT / 1e9:.2f} GB (assumed); encoders, embedding and head "
        "stay in bfloat16. Economy: what is given up for an hour of audio in one pass. 0: nothing; 1: large recorded "
        "steps, and scoring many places at once; 2: large steps; 3: the token embedding lies in the host's memory."
    )
    rows = []
    for gigabytes in CARDS:
        for weights in FORMATS:
            try:
                plan = plan_for(model, gigabytes, weights)
            except NotEnoughMemoryError:
                rows.append([f"{gigabytes} GB", weights, "-", "-", "does not start", "-", "-"])
                continue
            rows.append([f"{gigabytes} GB", weights, *_row(plan, model)])
            if options.parts:
                print(f"{gigabytes} GB, {weights}: {plan}")
    report.table(["GPU", "weights", "economy", "KV positions", "longest file", "1-minute files", "1-hour files"], rows)
    report.say(
        "Files are at once, by memory alone; `max_rows` "
        f"(by default {DEFAULT_STEPS.max_rows}) bounds the requests at once, too."
    )
    if options.record:
        report.record()


def plan_for(model: VibeVoiceAsrForConditionalGeneration, gigabytes: int, weights: WeightFormat) -> MemoryPlan:
    """What the server plans on a card of that size, by its defaults. Raises NotEnoughMemoryError."""
    planner = Planner(
        Footprint.of(model),
        card_of(gigabytes).memory - CONTEXT,
        capability=9 if gigabytes >= _HOPPER else 8,
        least=pass_positions(VIBEVOICE_ASR, _LEAST),
        wanted=pass_positions(VIBEVOICE_ASR, _HOUR),
    )
    return planner.plan(weights)


def _row(plan: MemoryPlan, model: VibeVoiceAsrForConditionalGeneration) -> list[str]:
    positions = plan.pages(GPU_PAGE) * GPU_PAGE
    capacity = by_memory(gpu_info(model, positions))
    economy = str(ECONOMIES.index(plan.economy))
    return [
        economy,
        str(positions),
        f"{int(capacity.pass_seconds / 60)} min",
        *(str(capacity.recordings[each]) for each in (60, 3600)),
    ]


def gpu_info(model: VibeVoiceAsrForConditionalGeneration, positions: int) -> RunnerInfo:
    """What a runner on a GPU with room for ``positions`` says of itself."""
    return RunnerInfo(
        checkpoint="full size",
        checkpoint_path="",
        family=VIBEVOICE_ASR,
        page_size=GPU_PAGE,
        pages=positions // GPU_PAGE,
        max_positions=language_config(model).max_position_embeddings,
        stop_ids=frozenset(),
        device="cuda",
        dtype="bfloat16",
        attention="",
        draft_positions=DRAFT_POSITIONS,
    )


if __name__ == "__main__":
    main()
