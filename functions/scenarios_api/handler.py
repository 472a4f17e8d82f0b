"""Search, concepts, saved searches and exports over HTTP."""

from sightline.http import MAX_PICTURE_BODY_BYTES, as_lambda, create_app
from sightline.route_ports import scenario_ports
from sightline.scenarios.concepts.routes import router as concepts
from sightline.scenarios.exports.routes import router as exports
from sightline.scenarios.routes import router
from sightline.scenarios.saved.routes import router as saved

handler = as_lambda(
    create_app(
        router, exports, concepts, saved, ports=scenario_ports(), max_body_bytes=MAX_PICTURE_BODY_BYTES
    )
)
