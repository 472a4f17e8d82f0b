"""Search over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.scenarios.routes import router
from sightline.wiring import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
