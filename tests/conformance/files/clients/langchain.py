"""LangChain's OpenAIWhisperParser. MODE: response formats, with spaces between."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import contextlib
import sys

import imageio_ffmpeg
import pydub
from langchain_community.document_loaders.parsers.audio import OpenAIWhisperParser
from langchain_core.documents.base import Blob

from tests.conformance.live.clients.common import asked, tell

request = asked()
# It cuts recordings into chunks of MP3 with FFmpeg, which need not be installed on this machine.
pydub.AudioSegment.converter = imageio_ffmpeg.get_ffmpeg_exe()
for response_format in (request.mode or "").split():
    parser = OpenAIWhisperParser(base_url=f"{request.url}/v1", api_key=request.key, response_format=response_format)
    with contextlib.redirect_stdout(sys.stderr):
        documents = list(parser.lazy_parse(Blob.from_path(str(request.recording))))
    tell("documents", texts=[document.page_content for document in documents])
