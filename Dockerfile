# The server in a container: one static program, nothing else, and not as root.
#
#   docker build -t hostaway-mcp .
#   docker run -d --name hostaway-mcp --stop-timeout 60 -p 127.0.0.1:8080:8080 -v hostaway-mcp:/data \
#     -e HMCP_BASE_URL=https://mcp.example.com -e HMCP_TRUSTED_PROXIES=172.17.0.1 hostaway-mcp
#
# With TLS by itself: -p 80:80 -p 443:443 -e HMCP_DOMAIN=mcp.example.com -e HMCP_LISTEN=:443
# docs/operate.md says more. The Go version is the newest of the one in go.mod.
ARG GO_VERSION=1.26.8

FROM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/hostaway-mcp . \
 && mkdir -m 0700 /out/data && mkdir -m 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/hostaway-mcp /hostaway-mcp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV HMCP_DATA_DIR=/data HMCP_LISTEN=:8080
VOLUME /data
EXPOSE 8080 80 443
# A restore at the first start takes a while: 1 GB needs some 20 s.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["/hostaway-mcp", "health"]
ENTRYPOINT ["/hostaway-mcp"]
CMD ["serve"]
