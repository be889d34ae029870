"""What the network is trained on: the answer, and hints that make it learn in an hour what would take days.

The hints are classifiers that are thrown away after training, and guided attention: some heads are told which
positions to look at, since the recordings are made of parts whose times are known.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import VibeVoiceAsrForConditionalGeneration
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer, apply_rotary_pos_emb

from .batches import Batch
from .encoding import encode
from .examples import AFTER, FRAME_CLASSES
from .speech.bank import Bank
from .speech.phones import PHONES
from .vocabulary import LONGEST
from .writing import CLOSE, END, FRAME, IGNORE, WORD

# Hidden states that the classifiers of frames read, by the number of layers passed.
_FRAME_LAYER = 3
_SPEAKER_LAYER = 4
# (layer, head) of the guided heads.
_OWN_SOURCE = [(2, 0), (2, 2)]
_NEXT_SOURCE = [(3, 0), (3, 2), (4, 0)]
_SAME_SPEAKER = [(4, 2), (4, 3)]
_LATEST_START = (3, 1)  # of frames


def traits_of(bank: Bank) -> Tensor:
    """For each voice a class of timbre (its variant) and one of pitch (steps of a sixth octave)."""
    kinds = [voice.timbre if voice.family == "espeak-ng" else (voice.timbre, voice.resample) for voice in bank.voices]
    timbres = list(dict.fromkeys(kinds))
    rows = []
    for index, kind in enumerate(tqdm(kinds, desc="pitch of voices", leave=False)):
        step = round(6 * math.log2(bank.pitch(index) / 60))
        rows.append((timbres.index(kind), min(max(step, 0), 17)))
    return torch.tensor(rows)


class Heads(nn.Module):
    """The classifiers that only training has."""

    traits: Tensor

    def __init__(self, hidden: int, fine: tuple[int, int], traits: Tensor) -> None:
        super().__init__()
        self.register_buffer("traits", traits)  # [voices, 2]: classes of timbre and of pitch
        self.phones = nn.ModuleList(nn.Linear(channels, 1 + len(PHONES)) for channels in fine)
        self.sound_word = nn.Linear(hidden, FRAME_CLASSES)
        self.sound_timbre = nn.Linear(hidden, int(traits[:, 0].max()) + 1)
        self.sound_pitch = nn.Linear(hidden, int(traits[:, 1].max()) + 1)
        self.frame_word = nn.Linear(hidden, FRAME_CLASSES)
        self.frame_speaker = nn.Linear(hidden, 4)
        self.frame_edge = nn.Linear(hidden, 3)
        self.frame_time = nn.Linear(hidden, 30)
        self.answer_timbre = nn.Linear(hidden, int(traits[:, 0].max()) + 1)
        self.answer_pitch = nn.Linear(hidden, int(traits[:, 1].max()) + 1)
        self.frame_count = nn.Linear(hidden, LONGEST)
        self.frame_after = nn.Linear(hidden, 1 + AFTER)
        self.frame_began = nn.Linear(hidden, 30)
        self.answer_count = nn.Linear(hidden, LONGEST)

    def traits_at(self, voice: Tensor) -> tuple[Tensor, Tensor]:
        """Classes of timbre and pitch for voices of the bank, IGNORE where that is."""
        timbre, pitch = self.traits[voice.clamp(min=0)].masked_fill((voice == IGNORE)[..., None], IGNORE).unbind(-1)
        return timbre, pitch


def hear(model: VibeVoiceAsrForConditionalGeneration, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Audio [B, T * HOP] to embeddings [B, T, hidden], and the third stage of each encoder."""
    core = model.model
    acoustic, fine_acoustic = encode(core.acoustic_tokenizer_encoder, samples)
    semantic, fine_semantic = encode(core.semantic_tokenizer_encoder, samples)
    return core.multi_modal_projector(acoustic, semantic), [fine_acoustic, fine_semantic]


def _classify(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORE)


def sound_losses(heads: Heads, sound: Tensor, fine: list[Tensor], batch: Batch) -> dict[str, Tensor]:
    """Losses on the encoders and the projector alone."""
    phones = [_classify(head(stage), batch.phone) for head, stage in zip(heads.phones, fine, strict=True)]
    timbre, pitch = heads.traits_at(batch.voice)
    return {
        "phone": torch.stack(phones).sum(),
        "sound_word": _classify(heads.sound_word(sound), batch.word),
        "sound_timbre": _classify(heads.sound_timbre(sound), timbre),
        "sound_pitch": _classify(heads.sound_pitch(sound), pitch),
    }


def accuracy(logits: Tensor, labels: Tensor, where: Tensor) -> float:
    """Share of right classes among the places `where`."""
    return ((logits.argmax(-1) == labels) & where).sum().item() / max(1, where.sum().item())


def _time_digits(frames: int, device: torch.device) -> Tensor:
    """Tens, units and tenths of the second in the middle of each frame: [T, 3]."""
    tenths = ((torch.arange(frames, device=device) + 0.5) * FRAME * 10).long()
    return torch.stack([tenths // 100 % 10, tenths // 10 % 10, tenths % 10], dim=-1)


def _look(layer: Qwen2DecoderLayer, hidden: Tensor, rotary: tuple[Tensor, Tensor], head: int, first: int) -> Tensor:
    """Log attention weights of one head, for queries from position `first` on: [B, L - first, L]."""
    attention, size = layer.self_attn, layer.self_attn.head_dim
    x = layer.input_layernorm(hidden)
    query_rows = slice(head * size, (head + 1) * size)
    shared = head // attention.num_key_value_groups
    key_rows = slice(shared * size, (shared + 1) * size)
    query = functional.linear(x, attention.q_proj.weight[query_rows], attention.q_proj.bias[query_rows])
    key = functional.linear(x, attention.k_proj.weight[key_rows], attention.k_proj.bias[key_rows])
    query, key = (side.squeeze(1) for side in apply_rotary_pos_emb(query[:, None], key[:, None], *rotary))
    scores = (query[:, first:] @ key.transpose(1, 2)).float() * attention.scaling
    length = hidden.shape[1]
    future = torch.ones(length - first, length, dtype=torch.bool, device=hidden.device).triu(first + 1)
    log_weights: Tensor = scores.masked_fill(future, float("-inf")).log_softmax(-1)
    return log_weights


def _mass_loss(log_weights: Tensor, allowed: Tensor) -> Tensor:
    """How far the attention is from lying on the allowed keys, over the queries that have any."""
    guided = allowed.any(-1)
    mass = log_weights[guided].masked_fill(~allowed[guided], float("-inf")).logsumexp(-1)
    return -mass.sum() / max(1, len(mass))


def _guides(batch: Batch, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which keys the guided heads are to look at: own source, next token's source, earlier turns of the speaker."""
    place = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    within = (place >= batch.lo[..., None]) & (place < batch.hi[..., None])
    following = functional.pad(within[:, 1:], (0, 0, 0, 1))[:, first:]
    said = batch.said_by
    next_said = functional.pad(said[:, 1:], (0, 1), value=-1)
    earlier = place[None, :] <= place[:, None]
    same = (said[:, None, :] == next_said[:, :, None]) & (next_said >= 0)[:, :, None] & earlier
    same[:, :, 0] = (next_said >= 0) & ~same.any(-1)  # a new speaker: rest on the first token
    return within[:, first:], following, same[:, first:]


def _latest_start_loss(
    layer: Qwen2DecoderLayer, states: tuple[Tensor, ...], rotary: tuple[Tensor, Tensor], batch: Batch, before: int
) -> Tensor:
    """A frame is to look at where the latest segment starts, whose time it has to know."""
    index, head = _LATEST_START
    seen = before + batch.began.shape[1]
    log_weights = _look(layer, states[index][:, :seen], (rotary[0][:, :seen], rotary[1][:, :seen]), head, before)
    behind = torch.arange(seen, device=batch.began.device) - before - batch.began[..., None]
    return _mass_loss(log_weights, ((behind == 0) | (behind == 1)) & (batch.began >= 0)[..., None])


def language_losses(
    model: VibeVoiceAsrForConditionalGeneration, heads: Heads, sound: Tensor, batch: Batch, before: int
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Losses on the answer and inside the language model; also how much of the answer is right, by kind of token."""
    core = model.model.language_model
    embedded = core.get_input_embeddings()(batch.read)
    filled = torch.arange(sound.shape[1], device=sound.device) < batch.frames[:, None]
    place = torch.arange(batch.ids.shape[1], device=sound.device)
    is_audio = (place >= before) & (place < before + batch.frames[:, None])
    embedded = embedded.masked_scatter(is_audio[..., None], sound[filled].to(embedded.dtype))
    out = core(inputs_embeds=embedded, output_hidden_states=True, use_cache=False)
    states = out.hidden_states

    asked = batch.weight[:, 1:] > 0
    target, weight = batch.ids[:, 1:][asked], batch.weight[:, 1:][asked]
    logits = model.lm_head(out.last_hidden_state[:, :-1][asked]).float()
    losses = {"answer": (functional.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()}

    audio = [states[depth][:, before : before + sound.shape[1]] for depth in (_FRAME_LAYER, _SPEAKER_LAYER)]
    losses["frame_word"] = _classify(heads.frame_word(audio[0]), batch.word)
    # The digit itself must know the voice (later ones compare with it), and so must the place that writes it.
    digits = batch.said_by >= 0
    known = torch.cat([states[_FRAME_LAYER][digits], states[_SPEAKER_LAYER][:, :-1][digits[:, 1:]]])
    timbre, pitch = heads.traits_at(batch.said_in[digits].repeat(2))
    if len(known):
        losses["answer_timbre"] = _classify(heads.answer_timbre(known), timbre)
        losses["answer_pitch"] = _classify(heads.answer_pitch(known), pitch)
    # Where the same word comes twice, only its place tells which of the two was written.
    losses["answer_count"] = _classify(heads.answer_count(states[_FRAME_LAYER]), batch.place)
    losses["frame_count"] = _classify(heads.frame_count(audio[0]), batch.count)
    losses["frame_edge"] = _classify(heads.frame_edge(audio[0]), batch.edge)
    times = _time_digits(sound.shape[1], sound.device)
    clock = heads.frame_time(audio[0]).unflatten(-1, (3, 10))
    losses["frame_time"] = _classify(clock, times.expand(len(sound), -1, -1).masked_fill(~filled[..., None], IGNORE))
    began = heads.frame_began(audio[1]).unflatten(-1, (3, 10))
    moments = times[batch.began.clamp(min=0)].masked_fill((batch.began < 0)[..., None], IGNORE)
    losses["frame_began"] = _classify(began, moments)
    losses["frame_speaker"] = _classify(heads.frame_speaker(audio[1]), batch.speaker)
    losses["frame_after"] = _classify(heads.frame_after(audio[1]), batch.after)

    first = int(before + batch.frames.min())
    rotary = core.rotary_emb(embedded, place[None])
    guides = _guides(batch, first)
    for name, guided, allowed in zip(
        ("own_source", "next_source", "same_speaker"), (_OWN_SOURCE, _NEXT_SOURCE, _SAME_SPEAKER), guides, strict=True
    ):
        each = [
            _mass_loss(_look(core.layers[layer], states[layer], rotary, head, first), allowed) for layer, head in guided
        ]
        losses[name] = torch.stack(each).mean()
    losses["latest_start"] = _latest_start_loss(core.layers[_LATEST_START[0]], states, rotary, batch, before)

    right = logits.argmax(-1) == target
    speaker = batch.said_by[:, 1:][asked] >= 0
    sourced = (batch.lo[:, 1:][asked] >= 0) & ~speaker & (weight >= 1)
    number = sourced & (weight < WORD) & (weight != CLOSE) & (target < 256)
    end = number & (weight == END)
    kinds = {"speaker": speaker, "number": number, "end": end, "word": weight == WORD}
    return losses, {name: right[where].float().mean().item() for name, where in kinds.items()}
