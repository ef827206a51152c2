import { covers } from "./interest.ts";
import type { ResponseContent } from "./response.ts";
import type { Rejection, Subscription } from "./subscription.ts";

/** A resource that the client rejected, while it is neither replaced nor gone. */
export interface RejectedResource {
  /** The version that the client does not take; it is not sent again. */
  readonly version: string;
  readonly rejection: Rejection;
}

/** What of a rejected response is sent again by itself, to find out what is wrong with it or to get the rest of it in. */
export interface Retry {
  readonly names: readonly string[];
  readonly removed: readonly string[];
}

/** Responses that finding out may take; what is not told apart by then is rejected together. */
const maxRetries = 64;

/**
 * The subscription once its last response was rejected. One rejects a response as a whole, and means one resource of it mostly: those
 * that the client names are taken for rejected, and all others are sent again without them. Where it names none, they are sent again in
 * halves, until those are found that it rejects by themselves. None of these is sent again before it changes.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-nack-and-resource-type-instance-version
 */
export function onRejected(previous: Subscription, rejection: Rejection): Subscription {
  const { content, retriesSent } = previous;
  // State of the world has no words for a part of a response.
  if (previous.mode === "sotw") return previous;
  if (content === undefined) return rejectedLate(previous, rejection);
  const versions = new Map(content.resources.map(({ name, version }) => [name, version]));
  const names = [...versions.keys()];
  const { certain, suspected } = namedIn(rejection.message, names);
  const alone = names.length + content.removed.length <= 1 || retriesSent >= maxRetries;
  const guilty = alone ? names : certain;
  const rest = names.filter((name) => !guilty.includes(name));
  const doubtful = new Set(suspected);
  const unsuspected = rest.filter((name) => !doubtful.has(name));
  const parts =
    guilty.length > 0
      ? [rest]
      : suspected.length > 0 && unsuspected.length > 0
        ? [unsuspected, ...suspected.map((name) => [name])]
        : halves(rest);
  // What was taken away with it is told once more, with the first part.
  const retries = parts.map((part, index) => ({ names: part, removed: index === 0 ? content.removed : [] }));
  const rejected = new Map(previous.rejected);
  for (const name of guilty) rejected.set(name, { version: versions.get(name) ?? "", rejection });
  return {
    ...previous,
    rejected,
    content: undefined,
    retries:
      alone && guilty.length === 0 ? previous.retries : [...retries.filter(isNeeded), ...previous.retries],
  };
}

/** The subscription once its last response was accepted, and with it the resources in it that were rejected before. */
export function onTaken(previous: Subscription): Subscription {
  const { content, rejected } = previous;
  if (content === undefined) return previous;
  if (rejected.size === 0) return { ...previous, content: undefined };
  const left = new Map(rejected);
  for (const { name } of content.resources) left.delete(name);
  for (const name of content.removed) left.delete(name);
  for (const name of left.keys()) if (!covers(previous.interest, name)) left.delete(name);
  return { ...previous, content: undefined, rejected: left };
}

/** A client may find out later that it cannot use what it accepted: what it names of that. */
function rejectedLate(previous: Subscription, rejection: Rejection): Subscription {
  const { certain } = namedIn(rejection.message, [...previous.held.keys()]);
  if (certain.length === 0) return previous;
  const rejected = new Map(previous.rejected);
  for (const name of certain)
    rejected.set(name, { version: previous.held.get(name)?.version ?? "", rejection });
  return { ...previous, rejected };
}

function isNeeded({ names, removed }: Retry): boolean {
  return names.length + removed.length > 0;
}

function halves(names: readonly string[]): readonly (readonly string[])[] {
  const middle = Math.ceil(names.length / 2);
  return [names.slice(0, middle), names.slice(middle)];
}

/** Envoy's way to say which resources it means; Weft's proxy speaks likewise: `Error adding/updating listener(s) NAME: reason`. */
const naming = "Error adding/updating ";

/** The names that a rejection blames, for certain or perhaps. */
export function namedIn(
  message: string,
  names: readonly string[],
): { readonly certain: readonly string[]; readonly suspected: readonly string[] } {
  const certain: string[] = [];
  const suspected: string[] = [];
  for (const name of names) {
    const found = occurrence(message, name);
    if (found === "blamed" && message.includes(naming)) certain.push(name);
    else if (found !== "none") suspected.push(name);
  }
  return { certain, suspected };
}

/** What was rejected in the words by which {@link namedIn} tells for certain what is meant. */
export function describeRejected(rejected: ReadonlyMap<string, RejectedResource>): string {
  const lines = [...rejected].map(
    ([
      name,
      {
        rejection: { message },
      },
    ]) => (namedIn(message, [name]).certain.length > 0 ? message : `${naming}${name}: ${message}`),
  );
  return [...new Set(lines)].join("\n");
}

/** How a text holds a name as a word of its own: before a colon, as what is blamed, or anyhow. */
function occurrence(text: string, name: string): "blamed" | "mentioned" | "none" {
  let found: "mentioned" | "none" = "none";
  if (name === "") return found;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text.slice(at + name.length, at + name.length + 2);
    if (!/[\s'"(,]/.test(before)) continue;
    if (/^:(\s|$)/.test(after)) return "blamed";
    if (/^([\s'"),;]|[.:](\s|$)|$)/.test(after)) found = "mentioned";
  }
  return found;
}

/** A retry as a response, without what changed or went meanwhile. */
export function retryContent(
  { typeUrl, mode, interest }: Subscription,
  { names, removed }: Retry,
  target: Pick<ResponseContent, "version"> & {
    readonly resources: ReadonlyMap<string, ResponseContent["resources"][number]>;
  },
): ResponseContent | undefined {
  const resources = names.flatMap((name) =>
    covers(interest, name) ? (target.resources.get(name) ?? []) : [],
  );
  const gone = removed.filter((name) => !target.resources.has(name));
  if (resources.length + gone.length === 0) return undefined;
  return { mode, typeUrl, version: target.version, resources, removed: gone };
}
