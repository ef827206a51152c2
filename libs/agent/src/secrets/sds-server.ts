import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "@weft/base";
import { type EncodedResource, type ResourceSet, typeUrls } from "@weft/envoy-api";
import { SecretSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { WorkloadSecrets } from "@weft/identity";
import { createResourceSet, createXdsServer, encodeResource } from "@weft/xds";

/** Serves secrets to the proxy. */
export interface SdsServer {
  /** Gives all proxies these secrets, now and when they come. */
  update(secrets: WorkloadSecrets): void;
  close(): Promise<void>;
}

const utf8 = new TextEncoder();
const inline = (text: string) => ({
  specifier: { case: "inlineBytes", value: utf8.encode(text) } as const,
});

/**
 * Serves SDS on a Unix socket that this user alone may open, both kinds of streams: `default` (certificate and key) and `ROOTCA`. Whoever asks before there are
 * any waits for them. `onHeld` is told of secrets once every proxy that is there has taken them.
 */
export async function startSdsServer(
  socket: string,
  clock: Clock,
  onHeld: (secrets: WorkloadSecrets) => void,
): Promise<SdsServer> {
  let set: ResourceSet | undefined;
  let latest: WorkloadSecrets | undefined;
  let held: WorkloadSecrets | undefined;
  const check = () => {
    if (latest === undefined || latest === held) return;
    if (!server.connections().every((connection) => connection.settled(typeUrls.secret))) return;
    held = latest;
    onHeld(latest);
  };
  const server = createXdsServer({
    clock,
    onEvent: ({ kind }) => {
      if (kind === "acked" || kind === "disconnected") check();
    },
    onConnect: (connection) => {
      if (set !== undefined) connection.update(set);
      return undefined;
    },
  });
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  // One that a killed agent left behind would be in the way.
  rmSync(socket, { force: true });
  await server.listen(`unix:${socket}`);
  chmodSync(socket, 0o600);
  return {
    update: (secrets) => {
      set = createResourceSet(encodeSecrets(secrets), set);
      latest = secrets;
      for (const connection of server.connections()) connection.update(set);
      check();
    },
    close: async () => {
      await server.close(0);
      rmSync(socket, { force: true });
    },
  };
}

function encodeSecrets({ certificateChain, privateKey, roots }: WorkloadSecrets) {
  const certificate = { certificateChain: inline(certificateChain), privateKey: inline(privateKey.expose()) };
  return [
    encode("default", { case: "tlsCertificate", value: certificate }),
    encode("ROOTCA", { case: "validationContext", value: { trustedCa: inline(roots) } }),
  ];
}

function encode(name: string, type: MessageInitShape<typeof SecretSchema>["type"]): EncodedResource {
  const secret = type === undefined ? { name } : { name, type };
  return encodeResource(name, typeUrls.secret, toBinary(SecretSchema, create(SecretSchema, secret)));
}
