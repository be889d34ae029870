"""The jobs of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from server.commandline.client.connection import Connection, Unreachable
from server.commandline.client.events import events_of_now
from server.commandline.client.patience import Patience
from server.commandline.faults import Refused

_PAGE = 100


class JobsClient:
    """All of them raise Refused."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = connection.client()

    def listed(self, most: int, status: str | None) -> list[dict[str, Any]]:
        """The newest first."""
        found: list[dict[str, Any]] = []
        while len(found) < most:
            query: dict[str, Any] = {"limit": min(_PAGE, most - len(found))}
            query |= {"status": status} if status else {}
            query |= {"after": found[-1]["id"]} if found else {}
            page = self._asked("GET", "", query)
            found += page["data"]
            if not page["has_more"]:
                break
        return found

    def job(self, job: str) -> dict[str, Any]:
        """One as it stands."""
        return self._asked("GET", f"/{job}")

    def cancel(self, job: str) -> dict[str, Any]:
        """Have no more done for it."""
        return self._asked("POST", f"/{job}/cancel")

    def delete(self, job: str) -> None:
        """Forget it."""
        self._asked("DELETE", f"/{job}")

    def result(self, job: str, form: str) -> Any:
        """The transcript: an object for JSON, else a text."""
        with self._connection.explained():
            response = self._connection.check(
                self._client.get(f"/v1/jobs/{job}/result", params={"response_format": form})
            )
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.json() if is_json else response.text

    def followed(self, job: str, wait: float, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
        """Its events until it has ended, whatever happens to the connection meanwhile."""
        patience, last = Patience(wait, say), ""
        query = {"response_format": "diarized_json"}
        while True:
            try:
                with self._connection.explained():
                    headers = {"last-event-id": last} if last else {}
                    path = f"/v1/jobs/{job}/events"
                    with self._client.stream("GET", path, params=query, headers=headers) as response:
                        if not response.is_success:
                            response.read()
                            self._connection.check(response)
                        for event in events_of_now(self._connection.streamed(response)):
                            patience.renew()
                            last = event.id or last
                            yield event.body
                            if event.body.get("type") == "transcript.text.done" or "error" in event.body:
                                return
                if self.job(job)["status"] not in ("queued", "in_progress"):
                    return
                raise Unreachable("The server stopped telling of the job.", retry_after=1.0)
            except Refused as refusal:
                patience.wait_here(refusal)

    def _asked(self, method: str, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        with self._connection.explained():
            return self._connection.told(self._client.request(method, f"/v1/jobs{path}", params=query))


def ended_well(job: dict[str, Any]) -> bool:
    """It is completed."""
    return bool(job["status"] == "completed")
