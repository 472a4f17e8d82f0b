"""Sign-in, users, workspaces, members and API keys over HTTP."""

from sightline.accounts.routes import router
from sightline.http import as_lambda, create_app
from sightline.route_ports import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
