import { type KubeApi, KubeApiError } from "@weft/kubernetes";
import { Secret } from "@weft/pki";
import { CaError } from "../error.ts";
import type { CaStorage } from "../storage.ts";

/** Which Secret holds a CA's state. */
export interface SecretStorageOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Default: `istio-ca-secret`, as Istio's citadel had it. */
  readonly name?: string;
}

interface KubeSecret {
  readonly metadata: { readonly resourceVersion?: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** How often a change is tried again that another citadel was ahead of. */
const attempts = 10;

/**
 * One Secret as storage, with an entry for each name. Each change says which version of the Secret it is made from, so that of two
 * citadels that change it at once one is told, and looks again.
 */
export function createSecretStorage(options: SecretStorageOptions): CaStorage {
  const { api, namespace, name = "istio-ca-secret" } = options;
  const collection = `/api/v1/namespaces/${namespace}/secrets`;
  const description = `Secret ${namespace}/${name}`;

  const load = async (): Promise<KubeSecret | undefined> => {
    try {
      return (await api.get({ path: `${collection}/${name}` })) as KubeSecret;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw cannot("read", error);
    }
  };

  const cannot = (verb: string, cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    return new CaError("bad-material", `${description}: cannot ${verb} it: ${message}`, { cause });
  };

  /** Changes the entries as `next` says; `next` gives undefined where there is nothing to change. */
  const change = async (
    next: (data: Readonly<Record<string, string>>) => Readonly<Record<string, string>> | undefined,
  ): Promise<boolean> => {
    for (let attempt = 1; ; attempt++) {
      const before = await load();
      const data = next(before?.data ?? {});
      if (data === undefined) return false;
      const { resourceVersion } = before?.metadata ?? {};
      const body = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
        type: "istio.io/ca-root",
        data,
      };
      try {
        if (before === undefined) await api.write({ method: "POST", path: collection, body });
        else await api.write({ method: "PUT", path: `${collection}/${name}`, body });
        return true;
      } catch (error) {
        // 409: it was made, or has changed, since it was read.
        if (!(error instanceof KubeApiError && error.status === 409) || attempt === attempts) {
          throw cannot("write", error);
        }
      }
    }
  };

  const encode = (content: Secret<string>) => Buffer.from(content.expose()).toString("base64");
  return {
    description,
    read: async (entry) => {
      const text = (await load())?.data?.[entry];
      return text === undefined ? undefined : new Secret(Buffer.from(text, "base64").toString());
    },
    write: async (entry, content) => void (await change((data) => ({ ...data, [entry]: encode(content) }))),
    create: (entry, content) =>
      change((data) => (entry in data ? undefined : { ...data, [entry]: encode(content) })),
    remove: async (entry) =>
      void (await change(({ [entry]: removed, ...others }) => (removed === undefined ? undefined : others))),
  };
}
