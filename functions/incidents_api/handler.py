"""Sources, alerts, deliveries, incidents, summaries and runbooks over HTTP."""

from sightline.http import MAX_PICTURE_BODY_BYTES, as_lambda, create_app
from sightline.incidents.grouping.routes import router as incidents
from sightline.incidents.retention.routes import router as retention
from sightline.incidents.routes import router
from sightline.incidents.runbooks.routes import router as runbooks
from sightline.incidents.summaries.routes import router as summaries
from sightline.route_ports import PORTS

routers = (router, retention, incidents, summaries, runbooks)
handler = as_lambda(create_app(*routers, ports=PORTS, max_body_bytes=MAX_PICTURE_BODY_BYTES))
