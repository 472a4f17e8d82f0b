"""Notification channels, and what was told through them, over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.incidents.notices.routes import router
from sightline.route_ports import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
