"""Health, readiness, documentation and the meaning of problems over HTTP."""

from sightline.http import as_lambda, create_app
from sightline.system import router

handler = as_lambda(create_app(router))
