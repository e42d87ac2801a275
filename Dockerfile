# themecoder in a container that can write nothing but /tmp and its data folder, and reaches for nothing.
#
#   docker build -t themecoder .
#   python3 -c "import secrets; print(secrets.token_urlsafe(32))" > token && chmod 444 token
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -p 127.0.0.1:8000:8000 -v "$PWD/token:/run/secrets/themecoder_token:ro" -v themecoder-data:/data themecoder
#
# Projects are kept in the volume themecoder-data.
# Behind a host name of its own, add -e THEMECODER_HOSTS='["coding.example.org"]'.
# A file in the current folder: docker run … -v "$PWD:/files" --user "$(id -u)" themecoder
#   suggest /files/interviews.csv --codebook upsides --output /files/suggestions.csv

# Not older than 3.12.12: CVE-2025-8291 and CVE-2025-59375 are mended there.
ARG PYTHON=3.12.12-slim


FROM python:${PYTHON} AS build
# The CPU build of torch. The default index has only the CUDA build for Linux, which is gigabytes larger.
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/themecoder
ENV PATH=/opt/themecoder/bin:$PATH
COPY constraints.txt ./
# What is pinned is complete, so nothing is resolved here; torch alone has no hash, as its builds differ.
RUN pip install --no-deps --index-url "$TORCH_INDEX_URL" "$(grep '^torch==' constraints.txt)"
RUN sed '/^torch==/d' constraints.txt > pinned.txt && pip install --no-deps --require-hashes -r pinned.txt
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY service service
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --no-deps /wheels/themecoder-*.whl \
    && pip check


FROM python:${PYTHON}
COPY --from=build /opt/themecoder /opt/themecoder
# PYTHONSAFEPATH: a folder named models where the command is started must not take the place of ours.
ENV PATH=/opt/themecoder/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TMPDIR=/tmp \
    HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1 \
    THEMECODER_HOST=0.0.0.0 \
    THEMECODER_PORT=8000 \
    THEMECODER_TOKEN_FILE=/run/secrets/themecoder_token \
    THEMECODER_DATA=/data
# A new volume takes over the owner and the mode.
RUN mkdir -m 0700 /data && chown 10001:10001 /data
VOLUME /data
USER 10001:10001
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import http.client, os; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['THEMECODER_PORT']), timeout=3); connection.request('GET', '/health/live'); raise SystemExit(connection.getresponse().status != 200)"]
# A core dump would hold texts and the token.
ENTRYPOINT ["/bin/sh", "-c", "ulimit -c 0 && exec themecoder \"$@\"", "themecoder"]
CMD ["serve"]
