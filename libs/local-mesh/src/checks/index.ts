import { brokenFile } from "./broken-file.ts";
import type { Check } from "./check.ts";
import { headerMatch } from "./header-match.ts";
import { killedProxy } from "./killed-proxy.ts";
import { liveChange } from "./live-change.ts";
import { pageThroughIngress } from "./page.ts";
import { pilotAway } from "./pilot-away.ts";
import { weights } from "./weights.ts";

export type { Check, CheckedMesh, CheckResult, ProxyProcess, ProxySync } from "./check.ts";

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
  // What failures do; last, for they shake the mesh.
  pilotAway,
  killedProxy,
];
