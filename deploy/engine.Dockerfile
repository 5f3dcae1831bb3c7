# The engine service. From the root of the tree: docker build -f deploy/engine.Dockerfile -t tapedeck-engine:0.1.0 .
# A release names the base image by digest: --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
# Dependencies first: their layer changes with the lock only.
COPY locks/build.lock locks/engine.lock locks/
RUN pip install --require-hashes -r locks/build.lock
RUN python -m venv --without-pip /opt/tapedeck
# peewee, which zipline's statistics ask for, is the one package without a wheel: plain Python, built by the setuptools of build.lock.
RUN pip wheel --only-binary :all: --no-binary peewee --no-build-isolation --require-hashes --wheel-dir wheels -r locks/engine.lock
RUN pip --python /opt/tapedeck/bin/python install --no-deps --no-index wheels/*.whl
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
# The root file system may be read-only: what is written goes to the volume and to /tmp. In a container "loopback only" would mean nobody.
ENV PATH=/opt/tapedeck/bin:$PATH \
    HOME=/var/lib/tapedeck \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    TAPEDECK_DATA_DIR=/var/lib/tapedeck \
    TAPEDECK_ENGINE_ADDRESS=0.0.0.0:50051 \
    TAPEDECK_ENGINE_HEALTH_ADDRESS=0.0.0.0:50061
WORKDIR /var/lib/tapedeck
VOLUME /var/lib/tapedeck
EXPOSE 50051 50061
USER 65532:65532
ENTRYPOINT ["python", "-m", "engine_service"]
