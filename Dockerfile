FROM python:3.13-slim AS packages
RUN python -m venv /venv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip /venv/bin/pip install -r requirements.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin chat
COPY --from=packages /venv /venv
WORKDIR /site
COPY . .
# The settings want a key; collecting files does not use it, and it is not kept.
RUN SECRET_KEY=unused python manage.py collectstatic --no-input --verbosity 0
USER chat
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://localhost:8000/healthz', timeout=2)"]
CMD ["python", "-m", "realtime.server", "--bind", "0.0.0.0", "--port", "8000"]
