"""Webhook endpoints and their deliveries over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.outgoing.routes import router
from sightline.route_ports import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
