"""What is shown to browsers."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PageSettings(BaseModel):
    """What is shown to browsers."""

    page: bool = Field(
        True, description="Serve a page at / to try the server with: recordings, live captions and jobs in a browser."
    )
