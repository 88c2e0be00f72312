# The image of the app, its sweep and its commands. It has Python, the app and their libraries: no shell, no package
# manager. It runs as a user without rights, and its root may be read-only.
#
#   docker build -t punctual .
#   docker build -t punctual-local --build-arg EXTRA=local .   # with the stand-ins of QStash and n8n, for trials

# The environment, the console and the bytecode.
FROM node:22-bookworm-slim AS build
ARG EXTRA=server
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv
WORKDIR /srv/punctual
COPY requirements-${EXTRA}.txt requirements.lock
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip .venv && \
    /opt/pip/bin/pip --python .venv/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements.lock
COPY wsgi.py LICENSE ./
COPY migrations migrations
COPY app app
RUN if [ -e app/web/console/package.json ]; then .venv/bin/python -m app.web.console.build; fi && \
    rm -rf requirements.lock app/mcp app/web/console/node_modules app/web/console/src && \
    if [ "$EXTRA" = server ]; then rm -rf app/local; fi && \
    find . -name __pycache__ -prune -exec rm -rf {} + && \
    .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash app migrations wsgi.py .venv

# Python and the libraries that it needs, as Debian builds them. `status.d` names them to scanners of images.
FROM debian:bookworm-slim AS system
WORKDIR /packages
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && \
    apt-get download base-files media-types netbase python3-minimal python3.11-minimal libpython3.11-minimal \
        libpython3.11-stdlib libc6 libcrypt1 libgcc-s1 libstdc++6 zlib1g libbz2-1.0 libdb5.3 libexpat1 libffi8 liblzma5 \
        libncursesw6 libtinfo6 libreadline8 libsqlite3-0 libssl3 libuuid1 && \
    mkdir -p /root-of-image/var/lib/dpkg/status.d /root-of-image/etc/ssl/certs /root-of-image/tmp && \
    for package in *.deb; do \
        dpkg-deb --extract "$package" /root-of-image && \
        dpkg-deb --field "$package" > "/root-of-image/var/lib/dpkg/status.d/${package%%_*}" || exit 1; \
    done && \
    cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ && \
    echo "punctual:x:65532:65532:punctual:/nonexistent:/sbin/nologin" > /root-of-image/etc/passwd && \
    echo "punctual:x:65532:" > /root-of-image/etc/group && \
    rm -rf /root-of-image/usr/share/doc /root-of-image/usr/share/man /root-of-image/usr/share/lintian && \
    chmod 1777 /root-of-image/tmp

FROM scratch
COPY --from=system /root-of-image /
COPY --from=build /srv/punctual /srv/punctual
WORKDIR /srv/punctual
ENV PATH=/srv/punctual/.venv/bin:/usr/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8000
# Liveness: the process answers. Readiness, with database and sweep, is /readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Longer than --grace: docker stop --time 60, stop_grace_period: 60s.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app.serve", "--host", "0.0.0.0"]
