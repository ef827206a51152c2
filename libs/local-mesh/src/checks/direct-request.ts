import { request as plainRequest } from "node:http";
import { type RequestOptions as TlsRequestOptions, request as tlsRequest } from "node:https";
import type { CheckedMesh, CheckedWorkload } from "./check.ts";

/** A certificate with its key, PEM. */
export interface ShownIdentity {
  readonly chain: string;
  readonly key: string;
}

/** How a request that goes around the sender's proxy is secured: not at all, or as a proxy of the mesh does it, showing this or nothing. */
export type Security = "plain" | { readonly shows: ShownIdentity | undefined };

/** What came of a request: a status, or why there was no answer. */
export type DirectAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly body: string }
  | { readonly kind: "refused"; readonly reason: string };

const timeoutMs = 5_000;
/** Far more than is needed to tell one answer from another. */
const maxBodyLength = 64 * 1024;
/** What Istio's sidecars offer with HTTP/1.1 inside. */
const protocols = ["istio-http/1.1", "istio", "http/1.1"];

/**
 * Sends a request for `path` to a workload's proxy from outside of the mesh, on a connection of its own.
 *
 * @throws where nothing listens there: that is no refusal.
 */
export function requestDirectly(
  { address, port }: CheckedWorkload,
  path: string,
  security: Security,
): Promise<DirectAnswer> {
  const options = {
    host: address,
    port,
    path,
    agent: false as const,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { host: `${address}:${port}` },
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      security === "plain"
        ? plainRequest(options)
        : tlsRequest({ ...options, ...tlsOptions(security.shows) });
    outgoing.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        body = (body + part).slice(0, maxBodyLength);
      });
      response.once("end", () => resolve({ kind: "answered", status: response.statusCode ?? 0, body }));
      response.once("error", reject);
    });
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      const absent =
        error.code === "ECONNREFUSED" || error.name === "AbortError" || error.name === "TimeoutError";
      if (absent) reject(error);
      else resolve({ kind: "refused", reason: error.message });
    });
    outgoing.end();
  });
}

function tlsOptions(shown: ShownIdentity | undefined): TlsRequestOptions {
  // node:https hands on all that tls.connect() takes, but does not declare this one.
  const offered: object = { ALPNProtocols: protocols };
  return {
    ...offered,
    ...(shown && { cert: shown.chain, key: shown.key }),
    // Who answers does not matter here: the question is whom they answer.
    rejectUnauthorized: false,
  };
}

/** The pod of a Deployment. */
export function findPod(mesh: CheckedMesh, deployment: string): CheckedWorkload {
  const found = mesh.workloads.find(({ pod }) => pod.startsWith(`${deployment}-`));
  if (found === undefined) throw new Error(`no pod of ${deployment} runs`);
  return found;
}

/** Path that reviews answers; its v1 needs nobody else for that. */
export const reviewsOwnPath = "/reviews/0";

/** `200`, or `refused` */
export function formatAnswer(answer: DirectAnswer): string {
  return answer.kind === "answered" ? String(answer.status) : "refused";
}
