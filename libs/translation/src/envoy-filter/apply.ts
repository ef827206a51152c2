import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Problem } from "@weft/base";
import { type EncodedResource, validateMessage } from "@weft/envoy-api";
import { encodeResource } from "../resources/encode-piece.ts";
import { type EncodedPiece, isSent } from "../resources/withhold.ts";
import type { Patch, PatchContext } from "./patch.ts";
import { soundness } from "./soundness.ts";

/** A resource after its patches; without `resource` where one removed it. */
export interface Patched {
  readonly resource?: EncodedResource;
  readonly problems: readonly Problem[];
}

/** How a kind of resource is patched: the message after the patches, undefined where one removes it. */
export interface ResourceKind<M extends Message> {
  readonly schema: DescMessage;
  readonly contextOf: (message: M) => PatchContext;
  readonly patch: (
    message: M,
    run: { readonly context: PatchContext; readonly patches: readonly Patch[]; readonly used: Set<Patch> },
  ) => M | undefined;
}

interface Attempt<M> {
  readonly message: M | undefined;
  readonly used: ReadonlySet<Patch>;
  /** Why the result cannot be sent. */
  readonly broken?: string;
}

/** What makes a message one that Envoy refuses: the constraints declared in its API, and a few that it checks in code. */
export function whyBroken(schema: DescMessage, message: Message): string | undefined {
  const [violation] = validateMessage(schema, message, { limit: 1 });
  return violation ? `${violation.path} ${violation.message}` : soundness(message);
}

function attempt<M extends Message>(
  { schema, patch, contextOf }: ResourceKind<M>,
  message: M,
  patches: readonly Patch[],
): Attempt<M> {
  const used = new Set<Patch>();
  try {
    const result = patch(message, { context: contextOf(message), patches, used });
    const broken = result && used.size > 0 ? whyBroken(schema, result) : undefined;
    return { message: result, used, ...(broken === undefined ? {} : { broken }) };
  } catch (error) {
    return { message, used, broken: error instanceof Error ? error.message : String(error) };
  }
}

/** A problem of a patch that is left out. */
export function withheld({ object, path }: Patch, resource: string, reason: string): Problem {
  const message = `it would break ${resource}: ${reason}; the patch is left out there`;
  return { severity: "warning", code: "withheld-patch", path, message, object };
}

/**
 * Applies patches to a resource. Where the result is one that Envoy would refuse, they are tried one after the other,
 * and those that break it are left out; a resource that no patch changes stays the same object.
 */
export function patchResource<M extends Message>(
  kind: ResourceKind<M>,
  resource: EncodedPiece,
  patches: readonly Patch[],
): Patched {
  const unchanged: Patched = { resource, problems: [] };
  if (!isSent(resource)) return unchanged;
  const any = fromBinary(AnySchema, resource.any);
  const message = fromBinary(kind.schema, any.value) as M; // the caller pairs kinds and resources
  let best = attempt(kind, message, patches);
  const problems: Problem[] = [];
  if (best.broken !== undefined) {
    const sound: Patch[] = [];
    best = { message, used: new Set() };
    for (const patch of patches) {
      const next = attempt(kind, message, [...sound, patch]);
      if (next.broken === undefined) {
        sound.push(patch);
        best = next;
      } else problems.push(withheld(patch, resource.name, next.broken));
    }
  }
  if (best.used.size === 0) return { ...unchanged, problems };
  if (best.message === undefined) return { problems };
  const origin = [...resource.origin, ...[...best.used].map(({ object }) => object)];
  const value = toBinary(kind.schema, best.message);
  const encoded: EncodedPiece = encodeResource(resource.name, resource.typeUrl, value, origin);
  // What was left out of the resource before stays reported.
  const { withheld: left } = resource;
  return { resource: left ? Object.freeze({ ...encoded, withheld: left }) : encoded, problems };
}
