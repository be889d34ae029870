"""What the pages tell people to type is typed, block by block, against a server as they start it."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.docs.fences import RUN, Fence, fences
from tests.docs.reader import Reader, node_modules
from tests.support.processes import ServerProcess
from tests.support.samples import TWO_SPEAKERS


@pytest.mark.parametrize("fence", [fence for fence in fences() if fence.mark == RUN], ids=str)
def test_what_a_page_says_can_be_done(fence: Fence, reader: Reader) -> None:
    if fence.language == "js":
        node_modules()
    reader.run(fence)


def test_the_answer_that_readme_shows_is_the_answer(server: ServerProcess) -> None:
    (shown,) = [json.loads(fence.text) for fence in fences() if fence.page == "README.md" and fence.language == "json"]
    with TWO_SPEAKERS.open("rb") as recording:
        form = {"response_format": "diarized_json"}
        url = f"{server.url}/v1/audio/transcriptions"
        answer = httpx.post(url, files={"file": recording}, data=form, timeout=120)
    assert answer.json() == shown
