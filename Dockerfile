# Two images from one file: `product` (the default) has Entrakeep and what it runs on; `trial` adds the simulators.
# Health checks stand in docker-compose.yml, where it is known what each container runs.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_NO_CACHE=1 \
    UV_NO_CONFIG=1 \
    UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=true \
    UV_COMPILE_BYTECODE=1
WORKDIR /src
# uv installs everything else; it is taken by its hash from the lock file, as `make install` does.
COPY requirements.lock ./
RUN awk '/^uv==/ {on=1} on {print} on && !/\\$/ {exit}' requirements.lock > uv.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --quiet --require-hashes -r uv.lock \
    && python -m venv --without-pip /opt/entrakeep
COPY requirements-run.lock ./
RUN VIRTUAL_ENV=/opt/entrakeep /opt/build/bin/uv pip sync --require-hashes requirements-run.lock
# The wheel is built with the build tools of the lock file, whose hashes hold as constraints too.
RUN VIRTUAL_ENV=/opt/build /opt/build/bin/uv pip install --constraints requirements.lock hatchling
COPY pyproject.toml README.md LICENSE ./
COPY shared/ shared/
COPY workers/ workers/
COPY scheduler/ scheduler/
COPY console/ console/
COPY simulator/ simulator/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /wheels \
    && VIRTUAL_ENV=/opt/entrakeep /opt/build/bin/uv pip install --no-deps /wheels/*.whl

FROM build AS build-trial
COPY requirements-trial.lock ./
RUN VIRTUAL_ENV=/opt/entrakeep /opt/build/bin/uv pip sync --require-hashes requirements-trial.lock \
    && VIRTUAL_ENV=/opt/entrakeep /opt/build/bin/uv pip install --no-deps /wheels/*.whl

FROM python:3.11-slim AS plain
# A user of our own by number, so that "runs as nobody privileged" can be checked from outside. The home is a volume: a new
# one takes its owner from here.
RUN groupadd --gid 10001 entrakeep \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/entrakeep --shell /usr/sbin/nologin entrakeep \
    && install -d -m 700 -o entrakeep -g entrakeep /var/lib/entrakeep
ENV PATH=/opt/entrakeep/bin:$PATH \
    HOME=/var/lib/entrakeep \
    ENTRAKEEP_HOME=/var/lib/entrakeep \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# What a registry shows of an image (OCI, "Pre-Defined Annotation Keys"). A test holds the version to pyproject.toml; the
# commit is given to the build, as docs/compatibility.md says.
LABEL org.opencontainers.image.title="Entrakeep" \
    org.opencontainers.image.description="Backs up Microsoft Entra ID directories under encryption keys that their owners control" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /var/lib/entrakeep
USER 10001:10001
CMD ["entrakeep", "--help"]

FROM plain AS trial
COPY --from=build-trial /opt/entrakeep /opt/entrakeep

FROM plain AS product
COPY --from=build /opt/entrakeep /opt/entrakeep
