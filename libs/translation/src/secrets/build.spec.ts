import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { typeUrls, unpackAny } from "@weft/envoy-api";
import type { Secret } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { orders, testCertificate } from "@weft/testkit";
import { resourcesToJson } from "../resources/to-json.ts";
import { parseObjects, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";
import { parseSecretName } from "./build.ts";

const { certificate, key } = testCertificate;
const pair = { "tls.crt": certificate, "tls.key": key };

function secret(name: string, stringData: object, namespace = "edge", kind = "Secret") {
  const content = kind === "Secret" ? { stringData } : { data: stringData };
  return { apiVersion: "v1", kind, metadata: { name, namespace }, ...content };
}

function gateway(tls: object) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "edge", namespace: "edge" },
    spec: {
      selector: { app: "edge" },
      servers: [{ port: { number: 443, name: "https", protocol: "HTTPS" }, hosts: ["*"], tls }],
    },
  };
}

function run(objects: readonly object[], verifiedNamespace: string | undefined = "edge") {
  return translate(
    viewOf(snapshotOf(parseObjects(objects)), {
      id: "router~10.0.0.2~edge-1.edge~edge.svc.cluster.local",
      metadata: { LABELS: { app: "edge" } },
      ...(verifiedNamespace === undefined ? {} : { verifiedNamespace }),
    }),
  );
}

/** The secrets sent, by name: `pair` or `authorities`; and the problems with them. */
function sent({ value, problems }: ReturnType<typeof run>) {
  const secrets = [...value.ofType(typeUrls.secret)].map(([name, { any }]) => {
    const message = unpackAny(fromBinary(AnySchema, any))?.message as Secret | undefined; // by its type URL
    return [name, message?.type.case === "tlsCertificate" ? "pair" : "authorities"];
  });
  return {
    secrets: Object.fromEntries(secrets),
    problems: problems.filter(({ code }) => code === "no-secret").map(({ message }) => message),
  };
}

const lacks = (name: string, reason: string) =>
  `listener 0.0.0.0_443 lacks ${name}: ${reason}; handshakes fail`;

describe("buildSecrets()", () => {
  const simple = gateway({ mode: "SIMPLE", credentialName: "web" });
  const mutual = gateway({ mode: "MUTUAL", credentialName: "web" });

  it.each<[string, readonly object[], Record<string, string>]>([
    ["a certificate", [simple, secret("web", pair)], { "kubernetes://web": "pair" }],
    [
      "authorities beside it",
      [mutual, secret("web", { ...pair, "ca.crt": certificate })],
      { "kubernetes://web": "pair", "kubernetes://web-cacert": "authorities" },
    ],
    [
      "authorities in a Secret of their own",
      [mutual, secret("web", pair), secret("web-cacert", { cacert: certificate })],
      { "kubernetes://web": "pair", "kubernetes://web-cacert": "authorities" },
    ],
    [
      "authorities of a ConfigMap",
      [
        gateway({ mode: "MUTUAL", credentialName: "web", caCertCredentialName: "configmap://edge/roots" }),
        secret("web", pair),
        secret("roots", { "ca.crt": certificate }, "edge", "ConfigMap"),
      ],
      { "kubernetes://web": "pair", "configmap://edge/roots-cacert": "authorities" },
    ],
    ["none where none is named", [gateway({ mode: "ISTIO_MUTUAL" }), secret("web", pair)], {}],
  ])("sends %s", (_name, objects, expected) => {
    expect(sent(run(objects))).toEqual({ secrets: expected, problems: [] });
  });

  it.each<[string, readonly object[], string | undefined, string]>([
    ["is missing", [simple], "edge", "there is no Secret edge/web"],
    ["is another namespace's", [simple, secret("web", pair, "other")], "edge", "there is no Secret edge/web"],
    [
      "has no key",
      [simple, secret("web", { "tls.crt": certificate })],
      "edge",
      "Secret edge/web: has neither tls.crt with tls.key nor cert with key; it has tls.crt",
    ],
    [
      "is for a proxy of another namespace",
      [simple, secret("web", pair)],
      "other",
      "no ReferenceGrant of edge lets Gateways of other use it",
    ],
  ])("keeps the listener where the secret %s", (_name, objects, verified, reason) => {
    const result = run(objects, verified);
    expect(sent(result)).toEqual({ secrets: {}, problems: [lacks("kubernetes://web", reason)] });
    expect([...result.value.ofType(typeUrls.listener).keys()]).toContain("0.0.0.0_443");
  });

  it("sends nothing to a proxy that has proved nothing", () => {
    const objects = parseObjects([simple, secret("web", pair)]);
    const node = {
      id: "router~10.0.0.2~edge-1.edge~edge.svc.cluster.local",
      metadata: { LABELS: { app: "edge" }, verifiedNamespace: "edge" },
    };
    expect(sent(translate(viewOf(snapshotOf(objects), node)))).toEqual({
      secrets: {},
      problems: [lacks("kubernetes://web", "the proxy has not proved who it is")],
    });
  });

  it("sends none of another namespace, whoever names it", () => {
    const objects = [
      gateway({ mode: "SIMPLE", credentialName: "kubernetes-gateway://victim/web" }),
      secret("web", pair, "victim"),
    ];
    expect(sent(run(objects)).secrets).toEqual({});
  });

  describe("of another namespace", () => {
    const objects = [
      gateway({ mode: "MUTUAL", credentialName: "kubernetes-gateway://certs/web" }),
      secret("web", { ...pair, "ca.crt": certificate }, "certs"),
    ];
    const grant = (from: object, to: object, namespace = "certs") => ({
      apiVersion: "gateway.networking.k8s.io/v1beta1",
      kind: "ReferenceGrant",
      metadata: { name: "grant", namespace },
      spec: {
        from: [{ group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "edge", ...from }],
        to: [{ group: "", kind: "Secret", ...to }],
      },
    });
    const both = {
      "kubernetes-gateway://certs/web": "pair",
      "kubernetes-gateway://certs/web-cacert": "authorities",
    };

    it.each([
      ["any", grant({}, {}), both],
      ["it by name", grant({}, { name: "web" }), both],
      ["another", grant({}, { name: "other" }), {}],
      ["it to another namespace", grant({ namespace: "elsewhere" }, {}), {}],
      ["it to another kind", grant({ kind: "HTTPRoute" }, {}), {}],
      ["another kind", grant({}, { kind: "ConfigMap" }), {}],
      ["it from a third namespace", grant({}, {}, "elsewhere"), {}],
    ])("is sent where a ReferenceGrant allows %s: %#", (_name, grants, secrets) => {
      expect(sent(run([...objects, grants])).secrets).toEqual(secrets);
    });

    it("is not sent for a Gateway of yet another namespace", () => {
      const foreign = { ...objects[0], metadata: { name: "edge", namespace: "elsewhere" } };
      expect(sent(run([foreign, ...objects.slice(1), grant({}, {})])).secrets).toEqual({});
    });
  });

  it("is told as JSON without keys", () => {
    const json = JSON.stringify(resourcesToJson(run([simple, secret("web", pair)]).value).secrets);
    expect(json).toContain(Buffer.from(certificate).toString("base64"));
    expect(json).not.toContain(Buffer.from(key).toString("base64"));
    expect(json).toContain(Buffer.from("[redacted]").toString("base64"));
  });

  it("sends the same bytes whatever the order of events", () => {
    const objects = [mutual, secret("web", pair), secret("web-cacert", { cacert: certificate })];
    expect(new Set(orders(objects).map((order) => run(order).value.typeVersion(typeUrls.secret))).size).toBe(
      1,
    );
  });
});

describe("parseSecretName()", () => {
  it.each([
    ["kubernetes://web", { kind: "Secret", namespace: "own", name: "web", authorities: false }],
    [
      "kubernetes://ns/web-cacert",
      { kind: "Secret", namespace: "ns", name: "web-cacert", authorities: true },
    ],
    ["kubernetes-gateway://ns/web", { kind: "Secret", namespace: "ns", name: "web", authorities: false }],
    [
      "configmap://ns/web-cacert",
      { kind: "ConfigMap", namespace: "ns", name: "web-cacert", authorities: true },
    ],
    ["invalid://web", undefined],
    ["web", undefined],
  ])("of %s", (name, expected) => {
    expect(parseSecretName(name, "own")).toEqual(expected);
  });
});
