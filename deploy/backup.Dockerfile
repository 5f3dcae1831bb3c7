# The store with PostgreSQL's client, for backups. From the root of the tree, after the store's image:
# docker build -f deploy/backup.Dockerfile -t tapedeck-backup:0.1.0 .
# A release names the store's image by digest: --build-arg STORE_IMAGE=registry/tapedeck-store@sha256:...
ARG STORE_IMAGE=tapedeck-store:0.1.0

FROM ${STORE_IMAGE}
# As new as the database's server, or newer: pg_dump reads no server that is newer than itself.
ARG POSTGRESQL=18
USER 0
# From PostgreSQL's own repository, because Debian has one version only; Debian's postgresql-common brings the repository's key.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-${POSTGRESQL} \
    && rm -rf /var/lib/apt/lists/*
ENV TAPEDECK_PG_BIN=/usr/lib/postgresql/${POSTGRESQL}/bin
USER 65532:65532
