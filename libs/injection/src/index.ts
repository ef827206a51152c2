export { type ApplyOptions, applyIptables, cleanUpIptables, type RunCommand } from "./iptables/apply.ts";
export {
  defaultIptablesConfig,
  type InterceptionMode,
  type IptablesConfig,
  type IptablesFlags,
  readIptablesFlags,
} from "./iptables/config.ts";
export { formatRestore } from "./iptables/restore.ts";
export { buildRules, type Family, type Rule, type Table } from "./iptables/rules.ts";
