import { deniedRequest } from "./authorization.ts";
import { badCertificates } from "./bad-certificates.ts";
import { brokenFile } from "./broken-file.ts";
import type { Check } from "./check.ts";
import { headerMatch } from "./header-match.ts";
import { wrongJwt } from "./jwt.ts";
import { killedProxy } from "./killed-proxy.ts";
import { liveChange } from "./live-change.ts";
import { mutualTls } from "./mutual-tls.ts";
import { pageThroughIngress } from "./page.ts";
import { pilotAway } from "./pilot-away.ts";
import { rotation } from "./rotation.ts";
import { stolenToken } from "./stolen-token.ts";
import { strictMutualTls } from "./strict.ts";
import { weights } from "./weights.ts";

export type { Check, CheckedMesh, CheckedWorkload, CheckResult, ProxyProcess, ProxySync } from "./check.ts";

/** Who may talk to whom. */
export const securityChecks: readonly Check[] = [
  mutualTls,
  strictMutualTls,
  badCertificates,
  stolenToken,
  wrongJwt,
  deniedRequest,
  // Last, so that certificates have been renewed while the others ran, too.
  rotation,
];

/** What `npm start -- --check` checks, in this order. */
export const checks: readonly Check[] = [
  // That anything works at all.
  pageThroughIngress,
  // What routes do.
  headerMatch,
  weights,
  // What changes do.
  liveChange,
  brokenFile,
  ...securityChecks,
  // What failures do; last, for they shake the mesh.
  pilotAway,
  killedProxy,
];
