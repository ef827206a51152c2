import type { Clock } from "@weft/base";
import { type Authenticator, authenticate, type Caller, type Credentials } from "@weft/identity";
import { type CertificateRequest, formatWorkloadIdentity, maxCsrBytes, PkiError, parseCsr } from "@weft/pki";
import type { Recorder } from "./audit/recorder.ts";
import type { CertificateAuthority, Issued } from "./authority.ts";
import { CaError } from "./error.ts";
import { type ImpersonationPolicy, resolveIdentity } from "./impersonation.ts";
import { createRateLimiter, type Rate } from "./rate-limit.ts";

/** A caller's request for a certificate. */
export interface CertificateAsk {
  /** PEM */
  readonly csr: string;
  /** Seconds; 0 or less leaves it to the CA. */
  readonly validitySeconds: number;
  readonly impersonatedIdentity?: string;
  readonly certSigner?: string;
  readonly credentials: Credentials;
  /** Address of the caller, `host:port`. */
  readonly peer: string;
}

/** What a request may come to, besides a certificate; for metrics. */
export type Failure = "limited" | "authentication" | "csr" | "identity" | "signing";

/** Settings of {@link createCertificateService}. */
export interface CertificateServiceOptions {
  readonly authority: CertificateAuthority;
  readonly authenticators: readonly Authenticator[];
  readonly impersonation: ImpersonationPolicy;
  /** DNS names that certificates of some accounts have besides; see {@link AccountNames}. */
  readonly accountNames?: AccountNames;
  /** Milliseconds. */
  readonly ttl: TtlPolicy;
  readonly limits: ServiceLimits;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly onRequest?: () => void;
  readonly onIssued?: () => void;
  readonly onFailure?: (failure: Failure) => void;
}

/**
 * DNS names by account, `NAMESPACE/SERVICE_ACCOUNT`: those of the control plane's servers, which clients find by a name. They are the
 * CA's to give: no CSR may ask for one, and no node account gets them for another.
 */
export type AccountNames = ReadonlyMap<string, readonly string[]>;

/** How long certificates live, milliseconds. */
export interface TtlPolicy {
  /** Where the caller names no time. */
  readonly defaultMs: number;
  /** A request for more is refused, as in Istio. */
  readonly maxMs: number;
}

/** How much callers may ask. */
export interface ServiceLimits {
  /** One address, known or not: so that a stranger uses up its own share, not everybody's. Counted before anything is looked at. */
  readonly perPeer: Rate;
  /** All together, counted next. */
  readonly overall: Rate;
  /** One identity: all replicas of a workload. */
  readonly perIdentity: Rate;
}

/** Answers requests for certificates. */
export interface CertificateService {
  /** Throws a {@link CaError} whose message the caller may see. */
  createCertificate(ask: CertificateAsk): Promise<Issued>;
}

/**
 * Creates the service: authenticates, decides the identity (the caller's, never what the request asks), checks the request, signs, and
 * writes the audit log before the certificate is given out.
 */
export function createCertificateService(options: CertificateServiceOptions): CertificateService {
  const { authority, authenticators, impersonation, ttl, limits, recorder, clock } = options;
  const { onRequest = () => {}, onIssued = () => {}, onFailure = () => {} } = options;
  const perPeer = createRateLimiter(limits.perPeer, clock);
  const overall = createRateLimiter(limits.overall, clock);
  const perIdentity = createRateLimiter(limits.perIdentity, clock);

  const namesOf = ({ identity: { namespace, serviceAccount } }: Caller) =>
    options.accountNames?.get(`${namespace}/${serviceAccount}`) ?? [];
  const refuse = (ask: CertificateAsk, failure: Failure, error: CaError, caller?: Caller, why?: string) => {
    onFailure(failure);
    const known = caller && {
      caller: formatWorkloadIdentity(caller.identity),
      authenticator: caller.authenticator,
    };
    recorder.refused({ reason: why ?? error.message, peer: ask.peer, ...known });
    return error;
  };
  /** Runs a step: what it throws is refused as this kind of failure. */
  const step = async <T>(
    ask: CertificateAsk,
    failure: Failure,
    caller: Caller,
    run: () => Promise<T> | T,
  ) => {
    try {
      return await run();
    } catch (error) {
      if (error instanceof CaError) throw refuse(ask, failure, error, caller);
      if (!(error instanceof PkiError)) throw error;
      throw refuse(ask, failure, new CaError("invalid-request", error.message, { cause: error }), caller);
    }
  };

  return {
    createCertificate: async (ask) => {
      onRequest();
      if (!perPeer.take(ask.peer.replace(/:\d+$/, "")) || !overall.take("")) {
        throw refuse(ask, "limited", new CaError("limited", "the CA has too many requests, try again later"));
      }
      const authentication = await authenticate(authenticators, ask.credentials);
      if (authentication.kind === "refused") {
        const error = new CaError("unauthenticated", "request authenticate failure");
        throw refuse(ask, "authentication", error, undefined, authentication.reasons.join("; "));
      }
      const { caller } = authentication;
      const callerName = formatWorkloadIdentity(caller.identity);
      if (!perIdentity.take(callerName)) {
        const error = new CaError("limited", `too many requests of ${callerName}, try again later`);
        throw refuse(ask, "limited", error, caller);
      }
      const { impersonatedIdentity } = ask;
      const identity = await step(ask, "authentication", caller, async () =>
        formatWorkloadIdentity(await resolveIdentity(caller, impersonatedIdentity, impersonation)),
      );
      const request = await step(ask, "csr", caller, () => readRequest(ask));
      await step(ask, "identity", caller, () => checkAsked(request, identity));
      const issued = await step(ask, "signing", caller, () =>
        authority.issue({
          publicKey: request.publicKey,
          names: { uris: [identity], dns: identity === callerName ? namesOf(caller) : [] },
          ttlMs: lifetime(ask.validitySeconds, ttl),
        }),
      );
      const { serialNumber, notBefore, notAfter } = issued;
      const { authenticator } = caller;
      try {
        await recorder.issued({
          identity,
          caller: callerName,
          authenticator,
          serialNumber,
          notBefore,
          notAfter,
          peer: ask.peer,
        });
      } catch (cause) {
        onFailure("signing");
        throw new CaError("unavailable", "the audit log cannot be written: no certificate is given out", {
          cause,
        });
      }
      onIssued();
      return issued;
    },
  };
}

function readRequest({ csr, certSigner }: CertificateAsk): CertificateRequest {
  if (certSigner !== undefined && certSigner !== "") {
    throw new CaError(
      "invalid-request",
      `there is no signer ${JSON.stringify(certSigner.slice(0, 100))}, leave CertSigner out`,
    );
  }
  if (csr === "") throw new CaError("invalid-request", `no CSR given; at most ${maxCsrBytes} bytes of PEM`);
  return parseCsr(csr);
}

/** What is signed does not depend on what is asked; asking for more than one may have is a mistake or an attack, and is refused. */
function checkAsked({ asked }: CertificateRequest, identity: string): void {
  const { uris, dns, ips, emails, others } = asked.subjectAltNames;
  const refuse = (what: string) => {
    throw new CaError("invalid-request", `the CSR asks for ${what}, allowed is ${identity} alone`);
  };
  for (const uri of uris) if (uri !== identity) refuse(JSON.stringify(uri.slice(0, 300)));
  const names = [...dns, ...ips, ...emails];
  if (names.length > 0) refuse(JSON.stringify(names[0]?.slice(0, 300)));
  if (others > 0) refuse("a name of another kind");
  if (asked.basicConstraints?.ca === true) refuse("a CA certificate");
}

function lifetime(seconds: number, { defaultMs, maxMs }: TtlPolicy): number {
  if (!(seconds > 0)) return Math.min(defaultMs, maxMs);
  if (seconds * 1000 > maxMs) {
    throw new CaError(
      "invalid-request",
      `a lifetime of ${seconds} s is asked for, allowed are ${maxMs / 1000}`,
    );
  }
  return seconds * 1000;
}
