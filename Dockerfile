# docker build -t docchat . && docker run -p 127.0.0.1:8000:8000 -v docchat:/data docchat
# Add the first user: docker exec -it CONTAINER docchat user add NAME --admin
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir --prefix=/install '.[postgresql]'

FROM python:3.12-slim
COPY --from=build /install /usr/local
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin docchat \
    && install -d -o docchat -g docchat -m 0700 /data
USER docchat
ENV DOCCHAT_DATA_DIR=/data PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Inside the container only; publish the port on the loopback address or behind a TLS proxy (DOCCHAT_TRUSTED_PROXIES=1).
ENTRYPOINT ["docchat"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
