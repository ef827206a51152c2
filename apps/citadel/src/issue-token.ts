import { parseDuration, systemClock } from "@weft/base";
import { openFolderStorage, openTokenAuthority } from "@weft/ca";
import { defaultStateFolder } from "./options.ts";

/** Flags of `citadel token`. */
export interface TokenFlags {
  readonly stateDir?: string;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string;
  readonly ttl: string;
}

/** `citadel token`: prints a token of the local authority, for whoever may read its key. */
export async function issueToken(flags: TokenFlags): Promise<void> {
  const { trustDomain, namespace, serviceAccount, audience } = flags;
  const ttlMs = parseDuration(flags.ttl);
  if (ttlMs === undefined) throw new Error(`--ttl: ${flags.ttl} is no duration such as 12h`);
  const storage = await openFolderStorage(flags.stateDir ?? defaultStateFolder(process.env));
  const tokens = await openTokenAuthority({ storage, trustDomain, clock: systemClock });
  const token = await tokens.issue({ namespace, serviceAccount, audience, ttlMs });
  process.stdout.write(`${token.expose()}\n`);
}
