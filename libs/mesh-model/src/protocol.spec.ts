import { selectProtocol } from "./protocol.ts";

describe("selectProtocol()", () => {
  it.each([
    [{ port: 80, name: "http" }, "HTTP"],
    [{ port: 80, name: "HTTP-web" }, "HTTP"],
    [{ port: 80, name: "http2-web" }, "HTTP2"],
    [{ port: 80, name: "web-http" }, "Unsupported"],
    [{ port: 80, name: "httpx" }, "Unsupported"],
    [{ port: 80 }, "Unsupported"],
    [{ port: 80, name: "grpc-web" }, "GRPC-Web"],
    [{ port: 80, name: "grpc-web-x" }, "GRPC-Web"],
    [{ port: 80, name: "grpc-x" }, "GRPC"],
    [{ port: 3306, name: "db" }, "TCP"],
    [{ port: 3306, name: "mysql-db" }, "MySQL"],
    [{ port: 25 }, "TCP"],
    [{ port: 53, protocol: "UDP", name: "http" }, "UDP"],
    [{ port: 80, name: "tcp-x", appProtocol: "grpc" }, "GRPC"],
    [{ port: 80, name: "tcp-x", appProtocol: "kubernetes.io/h2c" }, "HTTP2"],
    [{ port: 80, name: "tcp-x", appProtocol: "kubernetes.io/wss" }, "HTTPS"],
    [{ port: 80, name: "http", appProtocol: "example.com/mine" }, "Unsupported"],
    [{ port: 443, name: "https" }, "HTTPS"],
    [{ port: 443, name: "tls-x" }, "TLS"],
  ])("%j → %s", (port, protocol) => {
    expect(selectProtocol(port)).toBe(protocol);
  });
});
