/** A condition of an object's status, without the times, which whoever writes it knows. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  /** One of the reasons the Gateway API defines, in CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** Why something is not as it should be. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** The condition holds all the same: the failure is of a part. */
  readonly partial?: true;
}

type Good = readonly [type: string, status: Condition["status"], reason: string, message: string];

/**
 * Every condition of every kind, as it is where nothing is wrong, in the order they are reported. A failure turns the
 * status round and gives the reason.
 */
const good = {
  gatewayClass: [["Accepted", "True", "Accepted", "Handled by Istio controller"]],
  gateway: [
    ["Accepted", "True", "Accepted", "Resource accepted"],
    ["Programmed", "True", "Programmed", "Resource programmed"],
    ["ResolvedRefs", "True", "ResolvedRefs", "All references resolved"],
  ],
  listenerSet: [
    ["Accepted", "True", "Accepted", "Resource accepted"],
    ["Programmed", "True", "Programmed", "Resource programmed"],
  ],
  listener: [
    ["Accepted", "True", "Accepted", "No errors found"],
    ["Conflicted", "False", "NoConflicts", "No errors found"],
    ["Programmed", "True", "Programmed", "No errors found"],
    ["ResolvedRefs", "True", "ResolvedRefs", "No errors found"],
  ],
  conflictingListener: [
    ["Accepted", "True", "Accepted", "No errors found"],
    ["Conflicted", "False", "NoConflicts", "No errors found"],
    ["Programmed", "True", "Programmed", "No errors found"],
  ],
  route: [
    ["Accepted", "True", "Accepted", "Route was valid"],
    ["ResolvedRefs", "True", "ResolvedRefs", "All references resolved"],
  ],
  policy: [
    ["Accepted", "True", "Accepted", "Configuration is valid"],
    ["ResolvedRefs", "True", "ResolvedRefs", "Configuration is valid"],
  ],
  ignoredPolicy: [["Accepted", "True", "Accepted", "Configuration is valid"]],
} as const satisfies Readonly<Record<string, readonly Good[]>>;

/** What has conditions. */
export type Subject = keyof typeof good;

/** What differs from the table: failures, and messages of what is as it should be. */
export interface Findings {
  readonly failures?: Readonly<Partial<Record<ConditionType, Failure | undefined>>>;
  readonly messages?: Readonly<Partial<Record<ConditionType, string>>>;
}

/** Name of a condition. */
export type ConditionType = "Accepted" | "Conflicted" | "Programmed" | "ResolvedRefs";

/** The conditions of something, by name. */
export function conditionsOf(subject: Subject, { failures, messages }: Findings = {}): readonly Condition[] {
  return good[subject].map(([type, status, reason, message]) => {
    const failure = failures?.[type];
    if (failure === undefined) return { type, status, reason, message: messages?.[type] ?? message };
    const kept = failure.partial === true || status === "False" ? "True" : "False";
    return { type, status: kept, reason: failure.reason, message: failure.message };
  });
}
