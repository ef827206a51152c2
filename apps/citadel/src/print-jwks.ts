import { systemClock } from "@weft/base";
import { openFolderStorage, openTokenAuthority } from "@weft/ca";
import { defaultStateFolder } from "./options.ts";

/** `citadel jwks`: prints the public key of the local authority, for others who take its tokens, as pilot-discovery. */
export async function printJwks(flags: {
  readonly stateDir?: string;
  readonly trustDomain: string;
}): Promise<void> {
  const { stateDir, trustDomain } = flags;
  const storage = await openFolderStorage(stateDir ?? defaultStateFolder(process.env));
  const { jwks } = await openTokenAuthority({ storage, trustDomain, clock: systemClock });
  process.stdout.write(`${jwks}\n`);
}
