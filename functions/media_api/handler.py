"""Assets and their uploads over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.media.routes import router
from sightline.wiring import PORTS

handler = as_lambda(create_app(router, ports=PORTS))
