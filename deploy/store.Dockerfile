# The store service. From the root of the tree: docker build -f deploy/store.Dockerfile -t tapedeck-store:0.1.0 .
# A release names the base image by digest: --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
# Dependencies first: their layer changes with the lock only.
COPY locks/build.lock locks/store.lock locks/
RUN pip install --require-hashes -r locks/build.lock
RUN python -m venv --without-pip /opt/tapedeck
RUN pip --python /opt/tapedeck/bin/python install --only-binary :all: --require-hashes -r locks/store.lock
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY tapedeck_rpc tapedeck_rpc
COPY tapedeck_client tapedeck_client
COPY engine_service engine_service
COPY store_service store_service
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist .
RUN pip --python /opt/tapedeck/bin/python install --no-deps --no-index dist/tapedeck-*.whl

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 65532 tapedeck \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /var/lib/tapedeck --shell /usr/sbin/nologin tapedeck \
    && install --directory --owner 65532 --group 65532 /var/lib/tapedeck
COPY --from=build /opt/tapedeck /opt/tapedeck
# The root file system may be read-only: the store writes nothing but its database. In a container "loopback only" would mean nobody.
ENV PATH=/opt/tapedeck/bin:$PATH \
    HOME=/var/lib/tapedeck \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TAPEDECK_STORE_ADDRESS=0.0.0.0:50052 \
    TAPEDECK_RECORD_ADDRESS=0.0.0.0:50053 \
    TAPEDECK_STORE_HEALTH_ADDRESS=0.0.0.0:50062
WORKDIR /var/lib/tapedeck
EXPOSE 50052 50053 50062
USER 65532:65532
ENTRYPOINT ["python", "-m", "store_service"]
