import type { Clock } from "@weft/base";
import { createMetrics, type Metrics } from "@weft/observability";
import type { CertificateAuthority } from "./authority.ts";
import type { Failure } from "./certificate-service.ts";

/** What citadel measures, under Istio's names. https://istio.io/latest/docs/reference/commands/pilot-discovery/#metrics */
export interface CitadelMetrics {
  onRequest(): void;
  onIssued(): void;
  onFailure(failure: Failure): void;
  text: Metrics["text"];
  close: Metrics["close"];
}

/** Creates the metrics. */
export async function createCitadelMetrics(options: {
  readonly authority: CertificateAuthority;
  readonly clock: Clock;
}): Promise<CitadelMetrics> {
  const { authority, clock } = options;
  const metrics = await createMetrics();
  const name = (rest: string) => `citadel_server_${rest}`;
  const requests = metrics.counter(name("csr_count"), "CSRs received.");
  const issued = metrics.counter(name("success_cert_issuance_count"), "Certificates issued.");
  const failures: Record<Failure, ReturnType<Metrics["counter"]>> = {
    authentication: metrics.counter(name("authentication_failure_count"), "Requests of unknown callers."),
    csr: metrics.counter(name("csr_parsing_err_count"), "CSRs that could not be read."),
    identity: metrics.counter(name("id_extraction_err_count"), "CSRs that asked for another identity."),
    signing: metrics.counter(name("csr_sign_err_count"), "CSRs that could not be signed."),
    limited: metrics.counter(name("rate_limited_count"), "Requests over the limits."),
  };
  // From the start, so that a rate can be computed over the first one.
  for (const counter of [requests, issued, ...Object.values(failures)]) counter.add(0);
  const rootEnd = () => Math.min(...authority.bundle().roots.map((root) => root.notAfter));
  const left = (ms: number) => (ms - clock.now()) / 1000;
  metrics.observedGauge(
    name("root_cert_expiry_timestamp"),
    "When the first root ends, seconds since the epoch.",
    (report) => report(rootEnd() / 1000),
  );
  metrics.observedGauge(name("root_cert_expiry_seconds"), "Seconds until the first root ends.", (report) =>
    report(left(rootEnd())),
  );
  metrics.observedGauge(
    name("cert_chain_expiry_seconds"),
    "Seconds until the certificate that signs, or one above it, ends.",
    (report) => {
      const chain = [authority.signer(), ...authority.intermediates()];
      report(left(Math.min(...chain.map((one) => one.notAfter))));
    },
  );
  return {
    onRequest: () => requests.add(1),
    onIssued: () => issued.add(1),
    onFailure: (failure) => failures[failure].add(1),
    text: metrics.text,
    close: metrics.close,
  };
}
