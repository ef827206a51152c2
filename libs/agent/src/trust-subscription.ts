import { formatTrustReport, toTrustReport, trustReportType, type WorkloadSecrets } from "@weft/identity";
import { accept, type OwnSubscription } from "@weft/xds";

/** How the agent tells pilot which roots and which certificate its proxy has; nothing before it has any. See `trustReportType`. */
export function trustSubscription(held: () => WorkloadSecrets | undefined): OwnSubscription {
  return {
    typeUrl: trustReportType,
    names: () => {
      const now = held();
      return now === undefined ? [] : formatTrustReport(toTrustReport(now));
    },
    // Pilot has none of what is asked for, and says so.
    onUpdate: () => accept,
  };
}
