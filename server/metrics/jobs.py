"""Jobs at the time of a scrape, as they stood some seconds before: the tables are not read for it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.jobs.job import JobStatus
from server.jobs.jobs import JobFigures
from server.jobs.webhooks.sender import Taken
from server.metrics.families import gauges, labelled_counter
from server.metrics.watched import Watched


class JobsCollector(Collector):
    """Those of the folder, which other servers may share, and what this one does; 0 where no jobs are taken."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        jobs = self._watched.jobs
        figures = JobFigures() if jobs is None else jobs.figures
        waited = 0.0 if jobs is None or figures.oldest is None else max(0.0, jobs.clock() - figures.oldest)
        family = GaugeMetricFamily("asr_jobs", "Jobs in the folder, by status.", labels=["status"])
        for status in JobStatus:
            family.add_metric([status.value], figures.counts[status])
        yield family
        yield from gauges(
            ("asr_jobs_running", "Jobs that this server has in work.", 0 if jobs is None else jobs.running),
            ("asr_jobs_oldest_queued_seconds", "For how long the oldest of the jobs has waited that wait.", waited),
            ("asr_jobs_bytes", "Disk in use for recordings of jobs that have not ended.", figures.octets),
            (
                "asr_limit_jobs_running",
                "Jobs in work at most (--max-jobs-running).",
                jobs.limits.running if jobs else 0,
            ),
            ("asr_limit_jobs_queued", "Jobs that wait at most (--max-jobs-queued).", jobs.limits.queued if jobs else 0),
            (
                "asr_limit_jobs_bytes",
                "Disk for recordings of jobs at most (--jobs-bytes, or a share of it).",
                jobs.limits.octets if jobs else 0,
            ),
            ("asr_webhooks_pending", "Messages to webhooks that nobody has taken yet.", jobs.messages if jobs else 0),
        )
        tries = dict.fromkeys(Taken, 0) if jobs is None else jobs.sender.tries
        yield labelled_counter(
            "asr_webhook_tries",
            "Messages sent to webhooks, by what became of the try: delivered, refused (or not reached), gone.",
            "outcome",
            {taken.value: count for taken, count in tries.items()},
        )
