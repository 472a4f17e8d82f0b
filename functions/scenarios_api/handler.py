"""Search and exports over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.scenarios.exports.routes import router as exports
from sightline.scenarios.routes import router
from sightline.wiring import PORTS

handler = as_lambda(create_app(router, exports, ports=PORTS))
