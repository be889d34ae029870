"""Probes for balancers and orchestrators, and the metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from server.http.openapi import HEALTH, METRICS, READY
from server.http.service import service_of
from server.version import VERSION

router = APIRouter(tags=["operations"])


@router.get("/health", summary="Is the process of use?", openapi_extra=HEALTH)
async def health(request: Request) -> JSONResponse:
    """200 while the server lives or can recover by itself; 503 when only a restart of the process helps."""
    service = service_of(request.scope)
    status = "failed" if service.failed else service.engine.state.value
    return JSONResponse({"status": status, "version": VERSION}, 503 if service.failed else 200)


@router.get("/ready", summary="May work be sent here?", openapi_extra=READY)
async def ready(request: Request) -> JSONResponse:
    """200 while requests can be answered, else 503; with the reason where the model could not be loaded."""
    service = service_of(request.scope)
    status = {"status": service.state}
    if not service.ready and (failure := service.failure) is not None:
        status["reason"] = failure
    return JSONResponse(status, 200 if service.ready else 503)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, openapi_extra=METRICS)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(await service_of(request.scope).metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
