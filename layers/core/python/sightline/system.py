"""Routes of no domain: health, readiness, documentation, and what each problem means."""

from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from sightline.database import transaction
from sightline.errors import DatabaseUnavailableError, NotFoundError, problem_table
from sightline.http import create_router
from sightline.migrations import migrations
from sightline.settings import get_settings

router = create_router(prefix="", tags=["system"])

# Pinned: the page runs what this address serves.
_SWAGGER_UI = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.17.14"


@router.get("/health")
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "stage": get_settings().stage}


@router.get("/ready")
def ready() -> dict[str, Any]:
    """The database answers and has every migration this code needs."""
    with transaction() as connection:
        row = connection.execute("SELECT max(version) AS version FROM app.migration").fetchone()
    applied, needed = (row or {}).get("version") or 0, migrations()[-1].version
    if applied < needed:
        raise DatabaseUnavailableError(f"Migration {applied} of {needed} is applied.", retry_after_s=10)
    return {"status": "ready", "migration": applied}


@router.get("/problems/{slug}")
def problem_meaning(slug: str) -> dict[str, Any]:
    """What a problem's type means, and what to do about it."""
    error = problem_table().get(slug)
    if error is None:
        raise NotFoundError("No problem has this name.")
    return {
        "code": error.slug,
        "status": error.status,
        "title": error.title,
        "retryable": error.retryable,
        "advice": error.__doc__,
    }


@router.get("/openapi.json", include_in_schema=False)
def openapi() -> JSONResponse:
    """The API's description."""
    from sightline.openapi import openapi_document  # loads every domain: only who reads it waits

    return JSONResponse(openapi_document())


@router.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """The same, to read and try."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Sightline API",
        swagger_js_url=f"{_SWAGGER_UI}/swagger-ui-bundle.js",
        swagger_css_url=f"{_SWAGGER_UI}/swagger-ui.css",
    )
