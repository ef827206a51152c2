import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { TrustReport } from "@weft/identity";
import { CertificateAuthorityService, RotationPhase as Phase, RotationStep } from "@weft/mesh-rpc";
import { fetchJson } from "../../mesh/fetch-json.ts";
import type { CaState, Holder, RotationPhase } from "./mesh-trust.ts";
import type { RotationOptions, Step } from "./rotate-root.ts";

const phases: Readonly<Partial<Record<Phase, RotationPhase>>> = {
  [Phase.STABLE]: "stable",
  [Phase.DISTRIBUTING]: "distributing",
  [Phase.SWITCHED]: "switched",
};

const steps: Readonly<Record<Step, RotationStep>> = {
  begin: RotationStep.BEGIN,
  switch: RotationStep.SWITCH,
  finish: RotationStep.FINISH,
  back: RotationStep.BACK,
  abort: RotationStep.ABORT,
};

/** The fields of GetInfoResponse that are read. */
interface Info {
  readonly rotationPhase: Phase;
  readonly signer?: { readonly fingerprint: string } | undefined;
  readonly roots: readonly { readonly fingerprint: string }[];
}

/** What administration with TLS takes, in PEM: a certificate of an account that may, its key, and the mesh's roots. */
export interface CaCredentials {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** citadel's administration at `host:port`, with TLS where there are credentials. What it throws names it. */
export function connectCa(address: string, credentials?: CaCredentials): RotationOptions["ca"] {
  const transport = createConnectTransport({
    baseUrl: `${credentials ? "https" : "http"}://${address}`,
    httpVersion: "1.1",
    defaultTimeoutMs: 10_000,
    ...(credentials ? { nodeOptions: { ...credentials } } : {}),
  });
  const client = createClient(CertificateAuthorityService, transport);
  const ask = async (call: () => Promise<Info>): Promise<CaState> => {
    try {
      return toState(await call());
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      const hint = code === Code.Unavailable ? "; name its administration with --ca-address HOST:PORT" : "";
      throw new Error(`citadel at ${address}: ${rawMessage}${hint}`, { cause: error });
    }
  };
  return {
    state: () => ask(() => client.getInfo({})),
    step: (step, signerFingerprint) =>
      ask(() => client.takeRotationStep({ step: steps[step], signerFingerprint })),
  };
}

function toState({ rotationPhase, signer, roots }: Info): CaState {
  const phase = phases[rotationPhase];
  if (phase === undefined) throw new ConnectError(`unknown phase ${rotationPhase}`, Code.DataLoss);
  return { phase, signer: signer?.fingerprint ?? "", roots: roots.map(({ fingerprint }) => fingerprint) };
}

/** `/debug/trust` of pilot-discovery. */
interface TrustPage {
  readonly pilot: { readonly proxy: string; readonly trust?: TrustReport };
  readonly proxies: readonly { readonly proxy: string; readonly trust?: TrustReport }[];
}

/** Everybody that the pilots, `host:port`, know of, they themselves included. */
export async function readHolders(pilots: readonly string[]): Promise<readonly Holder[]> {
  const pages = await Promise.all(
    pilots.map((pilot) => fetchJson("pilot-discovery", pilot, "/debug/trust") as Promise<TrustPage>), // our own page's shape
  );
  return pages.flatMap(({ pilot, proxies }) =>
    [pilot, ...proxies].map(({ proxy, trust }) => ({ name: proxy, trust })),
  );
}
