# One image for every process: web, worker, beat and one-off commands.

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt constraints.txt /tmp/
# Wheels only: nothing is compiled, so no compiler is needed and the versions are the tested ones.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -r /tmp/requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/copytrade copytrade
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VAR_DIR=/var/lib/copytrade
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
RUN python -m compileall -q /app
USER copytrade
# The settings want values, not servers. Not ENVIRONMENT=test: its static files have no manifest.
RUN ENVIRONMENT=development SECRET_KEY=build MASTER_ENCRYPTION_KEY=build \
    DATABASE_URL=postgres://build:build@127.0.0.1:1/build REDIS_URL=redis://127.0.0.1:1/0 \
    python manage.py collectstatic --noinput

EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-m", "copytrade.ops.runtime.probe"]
# exec, so that the signal to stop reaches the server and not the shell.
CMD ["sh", "-c", "exec python -m uvicorn copytrade.asgi:application --host 0.0.0.0 --port ${PORT:-8000} --timeout-graceful-shutdown 3 --no-access-log --no-proxy-headers --ws websockets-sansio"]
