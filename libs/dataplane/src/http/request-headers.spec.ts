import type { ConnectionInfo } from "../runtime/connection.ts";
import { HeaderMap } from "../runtime/headers.ts";
import {
  defaultHeaderSettings,
  type HeaderSettings,
  type HttpConnectionManagerConfig,
} from "../runtime/http-connection-manager.ts";
import { RequestHead } from "../runtime/request.ts";
import { StreamInfo } from "../runtime/stream-info.ts";
import { mutateRequestHeaders } from "./request-headers.ts";

const peer = { address: "10.0.0.9", port: 1234 };
const plain: ConnectionInfo = {
  listener: "l",
  direction: "inbound",
  filterChain: "",
  remoteAddress: peer,
  directRemoteAddress: peer,
  localAddress: { address: "10.0.0.1", port: 80 },
};
const secure: ConnectionInfo = {
  ...plain,
  tls: {
    version: "TLSv1.3",
    cipher: "x",
    localUriSans: ["spiffe://td/ns/a/sa/server"],
    peer: {
      uriSans: ["spiffe://td/ns/a/sa/client"],
      dnsSans: ["client.example"],
      subject: 'CN="c"',
      serialNumber: "1",
      sha256: "ab12",
    },
  },
};

function mutate(settings: Partial<HeaderSettings>, list: readonly string[], connection = plain) {
  const head = new RequestHead("GET", "/", "h", "HTTP/1.1", new HeaderMap([...list]));
  const info = new StreamInfo(connection, 0, 0);
  const config = { headers: { ...defaultHeaderSettings, ...settings }, requestId: () => "fresh" };
  mutateRequestHeaders(head, info, config as unknown as HttpConnectionManagerConfig); // it reads no more than these
  return { head, info, header: (name: string) => head.headers.get(name) };
}

const forwarded = ["x-forwarded-for", "1.1.1.1, 2.2.2.2"];

describe("mutateRequestHeaders()", () => {
  it("at the edge trusts the connection, and adds it", () => {
    const { info, header } = mutate({ useRemoteAddress: true }, forwarded);
    expect(header("x-forwarded-for")).toBe("1.1.1.1, 2.2.2.2,10.0.0.9");
    expect(info.remoteAddress.address).toBe("10.0.0.9");
  });

  it.each([
    [{ useRemoteAddress: true, xffNumTrustedHops: 1 }, "2.2.2.2"],
    [{ useRemoteAddress: true, xffNumTrustedHops: 2 }, "1.1.1.1"],
    [{ useRemoteAddress: true, xffNumTrustedHops: 3 }, "10.0.0.9"],
    [{ useRemoteAddress: false }, "2.2.2.2"],
    [{ useRemoteAddress: false, xffNumTrustedHops: 1 }, "1.1.1.1"],
  ])("with %j takes the client for %s", (settings, address) => {
    expect(mutate(settings, forwarded).info.remoteAddress.address).toBe(address);
  });

  it("says https for TLS, and keeps what an inner proxy said", () => {
    expect(
      mutate({ useRemoteAddress: true }, ["x-forwarded-proto", "http"], secure).header("x-forwarded-proto"),
    ).toBe("https");
    const inner = mutate({}, ["x-forwarded-proto", "https"]);
    expect(inner.header("x-forwarded-proto")).toBe("https");
    expect(inner.head.scheme).toBe("https");
  });

  it("lets only the inside say what only the inside may", () => {
    const list = ["x-envoy-retry-on", "5xx", "x-envoy-decorator-operation", "op", "x-envoy-internal", "true"];
    const inside = mutate({ internalAddress: () => true }, [...list, "x-forwarded-for", "10.0.0.1"]);
    expect([inside.header("x-envoy-retry-on"), inside.header("x-envoy-internal")]).toEqual(["5xx", "true"]);
    // Who comes by another proxy at the edge, or does not say where from elsewhere, is no insider: as in Envoy.
    for (const [settings, headers] of [
      [{}, list],
      [{ useRemoteAddress: true }, [...list, "x-forwarded-for", "10.0.0.1"]],
    ] as const)
      expect(mutate({ ...settings, internalAddress: () => true }, headers).header("x-envoy-retry-on")).toBe(
        undefined,
      );
    const outside = mutate({}, list);
    expect(
      ["x-envoy-retry-on", "x-envoy-decorator-operation", "x-envoy-internal"].map(outside.header),
    ).toEqual([undefined, "op", undefined]);
    expect(mutate({ useRemoteAddress: true }, list).header("x-envoy-decorator-operation")).toBeUndefined();
  });

  it("keeps a request id that may be believed", () => {
    const list = ["x-request-id", "given"];
    expect(mutate({}, list).info.requestId).toBe("given");
    expect(mutate({ useRemoteAddress: true }, list).header("x-request-id")).toBe("fresh");
    expect(
      mutate({ useRemoteAddress: true, preserveExternalRequestId: true }, list).header("x-request-id"),
    ).toBe("given");
    expect(mutate({ generateRequestId: false }, []).header("x-request-id")).toBeUndefined();
  });

  const details = { subject: true, uri: true, dns: true, cert: false };
  const before = ["x-forwarded-client-cert", "Hash=00"];
  const element =
    'By=spiffe://td/ns/a/sa/server;Hash=ab12;Subject="CN=\\"c\\"";URI=spiffe://td/ns/a/sa/client;DNS=client.example';
  it.each([
    ["sanitize", undefined],
    ["forward-only", "Hash=00"],
    ["append-forward", `Hash=00,${element}`],
    ["sanitize-set", element],
    ["always-forward-only", "Hash=00"],
  ] as const)("with %s forwards the certificate as %s", (forwardClientCert, expected) => {
    const settings = { forwardClientCert, clientCertDetails: details };
    expect(mutate(settings, before, secure).header("x-forwarded-client-cert")).toBe(expected);
  });

  it("believes no certificate header without TLS", () => {
    expect(
      mutate({ forwardClientCert: "append-forward" }, before).header("x-forwarded-client-cert"),
    ).toBeUndefined();
  });
});
