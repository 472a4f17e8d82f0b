"""Buttons of Slack messages: taken in at once, proven and done by notify."""

from sightline.http import as_lambda, create_app
from sightline.incidents.notices.interactions import router
from sightline.route_ports import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
