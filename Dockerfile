# The image of the API and of the worker: `python main.py` and `python worker.py`. It runs as krai, on a root that is read only; what it
# writes goes to /tmp and /data. The dashboard has an image of its own: frontend/Dockerfile.
FROM python:3.12-slim AS build
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# Dependencies first: they change less often than the code. Nothing but wheels: a package is unpacked, none of its code runs here.
COPY requirements.txt /build/
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --no-compile --no-deps --only-binary :all: --require-hashes \
      --requirement /build/requirements.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash /venv/lib

COPY main.py worker.py /app/
COPY krai /app/krai
COPY scripts/provision.py /app/scripts/provision.py
# Compiled here, for nothing can be written later; by checksum of the source, not by its time, so that two builds are the same.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app \
 && chmod -R u=rwX,go=rX /app /venv

FROM python:3.12-slim
LABEL org.opencontainers.image.title="krai" \
      org.opencontainers.image.description="An asynchronous bulk export and import service: its API and its worker"
# What installs packages is of no use here, and a scanner would speak of it.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
 && rm -rf /usr/local/lib/python3.12/ensurepip \
 && groupadd --gid 10001 krai \
 && useradd --uid 10001 --gid 10001 --no-create-home --no-log-init --home-dir /tmp --shell /usr/sbin/nologin krai \
 && install -d -m 0700 -o krai -g krai /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# /data holds files in the making; with mode embedded it is the volume that keeps everything.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    KRAI_HOST=0.0.0.0 KRAI_METRICS_PORT=9090 KRAI_DATA_DIR=/data
USER 10001:10001
EXPOSE 8080 9090
# For Docker alone: Kubernetes has probes of its own. The API says that it is alive; a worker has no port but that of its metrics.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "\
import os, urllib.request;\
is_worker = b'worker.py' in open('/proc/1/cmdline', 'rb').read();\
where = os.environ['KRAI_METRICS_PORT'] + '/metrics' if is_worker else os.environ.get('PORT', '8080') + '/healthz';\
urllib.request.urlopen('http://127.0.0.1:' + where, timeout=4)"]
CMD ["python", "main.py"]
