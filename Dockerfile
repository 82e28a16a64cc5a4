# tressi in a slim image, as a user without rights: docker build -t tressi . ; docs/install.md shows how it is run.
# `scripts/docker-steps` carries these steps out in a chroot of the same Debian.

FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev python3-dev python3-venv
RUN python3 -m venv /build
WORKDIR /source
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY tressi tressi
RUN /build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
# Every library comes as a wheel: there is no compiler here.
RUN python3 -m venv /opt/tressi \
    && /opt/tressi/bin/pip install --no-cache-dir --only-binary :all: "$(echo /wheels/tressi-*.whl)[all]"
ENV PATH=/opt/tressi/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN useradd --uid 10001 --create-home tressi && mkdir /work && chown tressi /work
USER tressi
WORKDIR /work
ENTRYPOINT ["tressi"]
CMD ["--help"]
