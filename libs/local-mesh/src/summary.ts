import { type EdgeChange, securityOf } from "./edges.ts";
import { type Column, renderTable } from "./table.ts";

/** What the live summary shows besides the edges. */
export interface SummaryHead {
  readonly upSeconds: number;
  /** Seconds that `recent` figures are about. */
  readonly recentSeconds: number;
  readonly proxies: number;
  /** How many of the proxies have the latest configuration. */
  readonly synced: number;
  /** Seconds until the first of the workloads' certificates ends; undefined where there is none. */
  readonly certificateSeconds: number | undefined;
}

const number = (value: number | undefined, digits = 0) => (value === undefined ? "-" : value.toFixed(digits));
const percent = (share: number | undefined) =>
  share === undefined ? "-" : `${(share * 100).toFixed(share === 1 ? 0 : 1)} %`;

const columns: readonly Column<EdgeChange>[] = [
  { title: "FROM", value: (edge) => edge.from },
  { title: "TO", value: (edge) => edge.service },
  { title: "VERSION", value: (edge) => edge.version || "-" },
  { title: "MTLS", value: securityOf },
  { title: "SHARE NOW", align: "right", value: (edge) => percent(edge.recentShare) },
  { title: "REQUESTS", align: "right", value: (edge) => number(edge.requests) },
  {
    title: "SUCCESS",
    align: "right",
    value: (edge) => percent(edge.requests === 0 ? undefined : 1 - edge.errors / edge.requests),
  },
  { title: "P50 ms", align: "right", value: (edge) => number(edge.p50, 1) },
  { title: "P99 ms", align: "right", value: (edge) => number(edge.p99, 1) },
];

/** The live summary: a line of text per edge, as the proxies counted. */
export function renderSummary(head: SummaryHead, edges: readonly EdgeChange[]): string[] {
  const recent = edges
    .filter((edge) => edge.from === "ingress")
    .reduce((sum, edge) => sum + edge.recentRequests, 0);
  const rate = head.recentSeconds > 0 ? recent / head.recentSeconds : 0;
  const { upSeconds, recentSeconds, proxies, synced, certificateSeconds } = head;
  const certificates =
    certificateSeconds === undefined
      ? ""
      : `, certificates end in ${formatSpan(certificateSeconds)} or later`;
  return [
    `up ${upSeconds.toFixed(0)} s, ${synced} of ${proxies} proxies in sync, ${rate.toFixed(1)} requests/s at the ingress${certificates}; counted by the proxies, shares of the last ${recentSeconds.toFixed(0)} s`,
    ...renderTable(columns, edges),
  ];
}

/** `23h 59m`, `4m 5s`, `17s` */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`;
}
