"""Families of samples that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from server.engine.figures import Distribution


def gauges(*described: tuple[str, str, float]) -> Iterator[Metric]:
    """Of names, documentations and values."""
    for name, documentation, value in described:
        yield GaugeMetricFamily(name, documentation, value=float(value))


def counters(*described: tuple[str, str, float]) -> Iterator[Metric]:
    """Likewise; names without their ``_total``."""
    for name, documentation, value in described:
        yield CounterMetricFamily(name, documentation, value=float(value))


def labelled_counter(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    """One counter with a value for each of the label's."""
    family = CounterMetricFamily(name, documentation, labels=[label])
    for of, value in values.items():
        family.add_metric([of], float(value))
    return family


def labelled_gauge(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    """One gauge with a value for each of the label's."""
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for of, value in values.items():
        family.add_metric([of], float(value))
    return family


def histogram(name: str, documentation: str, counted: Distribution) -> Metric:
    """Of what somebody else has counted."""
    counts = counted.counts or (0,) * (len(counted.bounds) + 1)
    buckets, below = [], 0
    for bound, count in zip((*map(str, counted.bounds), "+Inf"), counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=counted.total)
