"""The clients that are tried, unmodified: what each is, what it does here and how it is pointed at this server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from tests.support.processes import ROOT

HERE = Path(__file__).parent
DEV, LIVE = ROOT / ".venv", ROOT / ".venv-conformance"
FILES, WYOMING = ROOT / ".venv-conformance-files", ROOT / ".venv-conformance-wyoming"
MICROSOFT = ROOT / ".venv-conformance-microsoft"
"""Environments: of all tests, and those that bring what nothing else needs and pins of their own."""
NODE, NODE_AGENTS = HERE, HERE / "node"
"""Folders with ``node_modules``: a light one, and one of agent frameworks."""


@dataclass(frozen=True, slots=True)
class Client:
    """One row of the table in docs/clients.md.

    Attributes:
        name: by which tests are marked (``@pytest.mark.client``).
        package: on PyPI or npm; None for what is in neither: scripts of a repository, and applications whose request is
            made again.
        home: the environment or folder it is installed in.
        does: what the tests have it do.
        here: how it is pointed at this server, in Markdown.
        version: of what has no package: the one it was fetched at, or whose source its request was taken from.
    """

    name: str
    package: str | None
    home: Path | None
    does: str
    here: str
    version: str | None = None

    def installed(self) -> str | None:
        """The version that is there; None where it is not installed."""
        if self.package is None or self.home is None:
            return self.version
        if self.home in (NODE, NODE_AGENTS):
            about = self.home / "node_modules" / self.package / "package.json"
            return str(json.loads(about.read_text())["version"]) if about.exists() else None
        return next(_versions(self.package, self.home), None)


def _versions(package: str, environment: Path) -> Iterator[str]:
    folders = [str(folder) for folder in environment.glob("lib/python*/site-packages")]
    for distribution in distributions(name=package, path=folders):
        yield distribution.version


_BASE = "http://host:8000/v1"
_LIVE = "ws://host:8000"
_ENV = "`OPENAI_BASE_URL=http://host:8000/v1`"

CLIENTS = (
    Client(
        "openai (Python)",
        "openai",
        DEV,
        "all formats, streams, models, errors",
        f'`OpenAI(base_url="{_BASE}")`',
    ),
    Client("openai (Node)", "openai", NODE, "the same", f'`new OpenAI({{ baseURL: "{_BASE}" }})`'),
    Client(
        "openai (Python), Realtime",
        "openai",
        DEV,
        "live: commits and server VAD",
        f'`AsyncOpenAI(base_url="{_BASE}").realtime.connect(model="vibevoice-asr")`',
    ),
    Client(
        "openai (browser), Realtime",
        "openai",
        NODE,
        "live, with the key as a subprotocol",
        '`baseURL: "https://host/v1"`, with TLS in front',
    ),
    Client(
        "OpenAI Agents SDK",
        "openai-agents",
        LIVE,
        "live: semantic VAD",
        f'`OpenAISTTModel("vibevoice-asr", AsyncOpenAI(base_url="{_BASE}"))`',
    ),
    Client(
        "LiveKit Agents (Python), OpenAI",
        "livekit-plugins-openai",
        LIVE,
        "live: turns, interim and final texts",
        f'`openai.STT(base_url="{_BASE}", model="vibevoice-asr", use_realtime=True)`',
    ),
    Client(
        "LiveKit Agents (Python), Deepgram",
        "livekit-plugins-deepgram",
        LIVE,
        "live: speakers, word times",
        '`deepgram.STT(base_url="http://host:8000/v1/listen", enable_diarization=True)`',
    ),
    Client(
        "Pipecat, OpenAI",
        "pipecat-ai",
        LIVE,
        "live: its own and the server's turns",
        f'`OpenAIRealtimeSTTService(base_url="{_LIVE}/v1/realtime")`',
    ),
    Client("Pipecat, Deepgram", "pipecat-ai", LIVE, "live: its own turns", f'`DeepgramSTTService(base_url="{_LIVE}")`'),
    Client(
        "deepgram-sdk (Python)",
        "deepgram-sdk",
        LIVE,
        "files; live: interim results, speakers, words",
        "`DeepgramClient(environment=…)`, see [deepgram.md](deepgram.md)",
    ),
    Client(
        "deepgram-sdk (Python), Flux",
        "deepgram-sdk",
        LIVE,
        "live: turns, announced ends, ends of its own",
        "the same, `listen.v2`, see [flux.md](flux.md)",
    ),
    Client(
        "LiveKit Agents (Python), Flux",
        "livekit-plugins-deepgram",
        LIVE,
        "live: turns, announced ends",
        '`deepgram.STTv2(base_url="http://host:8000/v2/listen")`',
    ),
    Client(
        "Pipecat, Flux",
        "pipecat-ai",
        LIVE,
        "live: turns, with and without announced ends",
        f'`DeepgramFluxSTTService(url="{_LIVE}/v2/listen")`',
    ),
    Client(
        "LiteLLM",
        "litellm",
        FILES,
        "files in five formats, words, speakers, a stream",
        f'`litellm.transcription(model="openai/vibevoice-asr", api_base="{_BASE}")`',
    ),
    Client(
        "LiteLLM proxy",
        "litellm",
        FILES,
        "files through it, also with `stream=true`",
        f"`model: openai/vibevoice-asr`, `api_base: {_BASE}`, `mode: audio_transcription`",
    ),
    Client(
        "LangChain",
        "langchain-community",
        FILES,
        "files as documents, in four formats",
        f'`OpenAIWhisperParser(base_url="{_BASE}")`',
    ),
    Client(
        "Esperanto",
        "esperanto",
        FILES,
        "files, as OpenAI, as compatible with it, as Deepgram",
        f'`create_speech_to_text("openai-compatible", "vibevoice-asr", config={{"base_url": "{_BASE}"}})`',
    ),
    Client("SpeechRecognition", "SpeechRecognition", FILES, "files", f"{_ENV}, then `recognize_openai(audio)`"),
    Client(
        "Wyoming (Home Assistant), wyoming-openai",
        "wyoming-openai",
        WYOMING,
        "speech over Wyoming, whole and streamed",
        f"`--stt-openai-url {_BASE} --stt-models vibevoice-asr`",
    ),
    Client(
        "Vercel AI SDK",
        "@ai-sdk/openai",
        NODE_AGENTS,
        "files: segments, words, speakers, the language; live",
        f'`createOpenAI({{ baseURL: "{_BASE}" }}).transcription("whisper-1")`, see below',
    ),
    Client(
        "@deepgram/sdk (Node)",
        "@deepgram/sdk",
        NODE_AGENTS,
        "files; live: interim results, speakers, words",
        '`new DeepgramClient({ environment: { base: "http://host:8000", production: "ws://host:8000", … } })`',
    ),
    Client(
        "LiveKit Agents (Node), OpenAI",
        "@livekit/agents-plugin-openai",
        NODE_AGENTS,
        "files; live",
        f'`new openai.STT({{ baseURL: "{_BASE}", model: "vibevoice-asr" }})`',
    ),
    Client(
        "LiveKit Agents (Node), Deepgram",
        "@livekit/agents-plugin-deepgram",
        NODE_AGENTS,
        "files; live",
        f'`new deepgram.STT({{ baseUrl: "{_LIVE}" }})`',
    ),
    Client(
        "@deepgram/sdk (Node), Flux",
        "@deepgram/sdk",
        NODE_AGENTS,
        "live: turns, announced ends",
        "as above, `listen.v2`",
    ),
    Client(
        "LiveKit Agents (Node), Flux",
        "@livekit/agents-plugin-deepgram",
        NODE_AGENTS,
        "live: turns, announced ends",
        '`new deepgram.STTv2({ endpointUrl: "http://host:8000/v2/listen" })`',
    ),
    Client(
        "Microsoft's `test_api.py`",
        None,
        MICROSOFT,
        "chat: a file, a video, hot words",
        "`--url http://host:8000`, without `--api-keys`",
        "commit e73d1e1",
    ),
    Client(
        "Microsoft's `test_api_auto_recover.py`",
        None,
        MICROSOFT,
        "chat: answers that run in circles, retried from a prefix",
        "the same",
        "commit e73d1e1",
    ),
    Client(
        "Open WebUI",
        None,
        None,
        "its request, as a form and as JSON",
        f"Settings, Audio: engine OpenAI, URL `{_BASE}`, model `vibevoice-asr`",
        "0.12.4",
    ),
    Client(
        "Home Assistant",
        None,
        None,
        "the request of its OpenAI integration",
        f"wyoming-openai (above); the integration itself takes `{_BASE}` only by the variable `OPENAI_BASE_URL`",
        "commit 0c3b5f1",
    ),
    Client(
        "n8n",
        None,
        None,
        "the request of its node OpenAI, Transcribe a Recording",
        f"the credential's Base URL `{_BASE}`",
        "commit 536d907",
    ),
    Client(
        "Dify",
        None,
        None,
        "the request of its provider OpenAI-API-compatible",
        f"model type Speech2text, endpoint `{_BASE}`, model `vibevoice-asr`",
        "dify_plugin 0.7.4",
    ),
    Client(
        "LibreChat",
        None,
        None,
        "its request, with WebM and Ogg as browsers record them",
        f"librechat.yaml: `speech.stt.openai.url: {_BASE}/audio/transcriptions`",
        "commit 00b3bc3",
    ),
    Client(
        "SillyTavern",
        None,
        None,
        "the request of its server",
        "its address is built in: an HTTP proxy or a changed `src/endpoints/openai.js`",
        "commit 00a72b5",
    ),
    Client(
        "Subtitle Edit",
        None,
        None,
        "its request, whole and streamed",
        f"Audio to text, OpenAI compatible: endpoint `{_BASE}/audio/transcriptions`",
        "commit 0e43f28",
    ),
)


def client(name: str) -> Client:
    """The one of this name. Raises KeyError."""
    return {client.name: client for client in CLIENTS}[name]
