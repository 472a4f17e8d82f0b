"""Assets, their uploads, and imports over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.media.imports.routes import router as imports
from sightline.media.routes import router
from sightline.route_ports import PORTS

handler = as_lambda(create_app(router, imports, ports=PORTS))
