"""Everything without tensors: the HTTP and WebSocket API, the engine's policy, transcripts, settings."""

from server import no_telemetry

no_telemetry.switch_off()
