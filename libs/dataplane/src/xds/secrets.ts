import { readFile, watch } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { formatProblem } from "@weft/base";
import { fromEnvoyJson, typeUrls, unpackAny } from "@weft/envoy-api";
import {
  type Secret,
  SecretSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { DiscoveryResponseSchema } from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { Logger } from "@weft/observability";
import {
  accept,
  reject,
  type Verdict,
  type XdsClient,
  type XdsClientSubscription,
  type XdsUpdate,
} from "@weft/xds";
import { parse as parseYaml } from "yaml";
import { compileSecret } from "../compile/index.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { SecretRef, SecretSource, SecretStore } from "../tls/index.ts";

/** Parts of {@link createSecretSubscriptions}. */
export interface SecretSubscriptionsOptions {
  readonly store: SecretStore;
  /** Opens a client of SecretDiscoveryService. */
  readonly connect: (source: Extract<SecretSource, { kind: "grpc" }>) => Promise<XdsClient>;
  /** Text of a file that a secret names. */
  readonly readFile: (path: string) => string;
  /** The process's scope. */
  readonly stats: StatsScope;
  readonly logger: Logger;
}

/** Keeps the secrets that configuration refers to subscribed, and the store filled. */
export interface SecretSubscriptions {
  /** The aggregated stream, once there is one. */
  setAds(client: XdsClient): void;
  /** Wants exactly these from now on. */
  setWanted(refs: ReadonlyMap<string, SecretRef>): void;
  close(): void;
}

/** Creates subscriptions, none so far. As Envoy, one stream for each secret of a SecretDiscoveryService. */
export function createSecretSubscriptions(options: SecretSubscriptionsOptions): SecretSubscriptions {
  const { store, logger } = options;
  const closers = new Map<string, () => void>();
  let adsRefs: readonly SecretRef[] = [];
  let ads: XdsClientSubscription | undefined;
  let adsClient: XdsClient | undefined;

  /** Takes a secret in; returns what is wrong with it. No text holds key material. */
  const take = (ref: SecretRef, secret: Secret, version: string): string | undefined => {
    const scope = options.stats.scope(`sds.${ref.name}`);
    scope.counter("update_attempt").inc();
    const { value, problems } = compileSecret(secret, options.readFile);
    const errors = problems.filter(({ severity }) => severity === "error");
    if (value === undefined) {
      scope.counter("update_rejected").inc();
      return `secret ${ref.name}: ${errors.map(formatProblem).join("; ")}`;
    }
    scope.counter("update_success").inc();
    store.set(ref, value, version);
    return undefined;
  };

  const onUpdate =
    (refsOf: () => readonly SecretRef[]) =>
    async (update: XdsUpdate): Promise<Verdict> => {
      const errors: string[] = [];
      for (const ref of refsOf()) {
        const resource = update.changed.get(ref.name);
        if (resource !== undefined) {
          const error = take(ref, fromBinary(SecretSchema, resource.value), resource.version);
          if (error !== undefined) errors.push(error);
        }
        if (update.removed.includes(ref.name)) store.remove(ref);
      }
      return errors.length === 0 ? accept : reject(errors.join("\n"));
    };

  const subscribeAds = () => {
    if (adsClient === undefined || adsRefs.length === 0) {
      ads?.setNames([]);
      return;
    }
    const names = adsRefs.map(({ name }) => name);
    if (ads !== undefined) ads.setNames(names);
    else
      ads = adsClient.subscribe(typeUrls.secret, {
        names,
        initialFetchTimeoutMs: 0,
        onUpdate: onUpdate(() => adsRefs),
      });
  };

  const open = (ref: SecretRef): (() => void) => {
    const { source, name } = ref;
    switch (source.kind) {
      case "ads":
        return () => {};
      case "path":
        return watchFile(source.path, async () => {
          const error = await readSecretFile(source.path, name)
            .then((secret) => take(ref, secret, ""))
            .catch((reason: unknown) => (reason as Error).message);
          if (error !== undefined)
            logger.warn({ secret: name, path: source.path, reason: error }, "cannot take a secret");
        });
      case "grpc": {
        const client = options.connect(source);
        let closed = false;
        client
          .then((opened) => {
            if (closed) return;
            opened.subscribe(typeUrls.secret, {
              names: [name],
              initialFetchTimeoutMs: 0,
              onUpdate: onUpdate(() => [ref]),
            });
          })
          .catch((error: unknown) => logger.error({ err: error, secret: name }, "cannot ask for a secret"));
        return () => {
          closed = true;
          void client.then((opened) => opened.close());
        };
      }
    }
  };

  return {
    setAds(client) {
      adsClient = client;
      subscribeAds();
    },
    setWanted(refs) {
      for (const [key, close] of closers) {
        if (refs.has(key)) continue;
        close();
        closers.delete(key);
      }
      store.retain(refs);
      for (const [key, ref] of refs) if (!closers.has(key)) closers.set(key, open(ref));
      const wanted = [...refs.values()].filter(({ source }) => source.kind === "ads");
      const changed =
        wanted.length !== adsRefs.length || wanted.some(({ key }, i) => key !== adsRefs[i]?.key);
      adsRefs = wanted;
      if (changed) subscribeAds();
    },
    close() {
      for (const close of closers.values()) close();
      closers.clear();
    },
  };
}

/** Finds a secret in a file that holds a DiscoveryResponse in JSON or YAML. */
async function readSecretFile(path: string, name: string): Promise<Secret> {
  const json = parseYaml(await readFile(path, "utf8")) as JsonValue; // checked by the next line
  const { resources } = fromEnvoyJson(DiscoveryResponseSchema, json);
  for (const any of resources) {
    const message = unpackAny(any)?.message;
    if (message?.$typeName !== SecretSchema.typeName) continue;
    const secret = message as Secret; // by its type name
    if (secret.name === name) return secret;
  }
  throw new Error(`${path} holds no secret ${name}`);
}

/** Calls `changed` now, and whenever something happens to the file; files are replaced by moving others over them. */
function watchFile(path: string, changed: () => Promise<void>): () => void {
  const aborter = new AbortController();
  const run = async () => {
    await changed();
    try {
      for await (const { filename } of watch(dirname(path), { signal: aborter.signal })) {
        // Kubernetes swaps the folder behind a link, `..data`.
        if (filename === null || filename === basename(path) || filename.startsWith("..")) await changed();
      }
    } catch {
      // Aborted, or the folder is gone: what was read stays in use.
    }
  };
  void run();
  return () => aborter.abort();
}
