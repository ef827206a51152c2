import type { Clock } from "@weft/base";
import { type CaSigner, Secret } from "@weft/pki";
import { CaError } from "../error.ts";
import type { CaStorage } from "../storage.ts";
import type { SigningMaterial } from "./material.ts";
import {
  formatRotationState,
  nextRotationState,
  parseRotationState,
  type RotationState,
  type RotationStep,
  trustedRoots,
} from "./rotation.ts";
import { createSelfSignedRoot, formatRoot, parseRoot, rootId } from "./self-signed.ts";

/** Roots of the CA's own, kept in storage. */
export interface RootStore {
  state(): RotationState;
  material(): SigningMaterial;
  /** Makes a further root and trusts it; `distributing` then. */
  begin(): Promise<void>;
  /** Takes a step: it is stored before it holds. Throws `bad-rotation`. */
  step(step: Exclude<RotationStep, { kind: "begin" }>): Promise<void>;
}

/** Settings of {@link openRootStore}. */
export interface RootStoreOptions {
  readonly storage: CaStorage;
  readonly trustDomain: string;
  /** How long a root that is made lives. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

const stateName = "state.json";
const rootName = (id: string) => `root-${id}.pem`;

/** Opens the roots in the storage; makes the first one where there is none. Throws `bad-material` where what is stored is not whole. */
export async function openRootStore(options: RootStoreOptions): Promise<RootStore> {
  const { storage, trustDomain, ttlMs, clock } = options;
  const make = async () => {
    const root = await createSelfSignedRoot({ trustDomain, ttlMs, now: clock.now() });
    await storage.write(rootName(rootId(root.certificate)), formatRoot(root));
    return root;
  };
  const readState = async () => {
    const text = await storage.read(stateName);
    return text && parseRotationState(text.expose());
  };
  let state = (await readState()) ?? (await createFirst(storage, make));
  state = (await readState()) ?? state;
  let roots = await loadRoots(state, storage);
  /** Steps run one after another. */
  let last: Promise<void> = Promise.resolve();
  const take = (step: () => Promise<RotationStep>) => {
    const run = async () => {
      const from = state;
      const to = nextRotationState(from, await step());
      const loaded = await loadRoots(to, storage);
      await storage.write(stateName, new Secret(formatRotationState(to)));
      state = to;
      roots = loaded;
      const kept = trustedRoots(to);
      for (const id of trustedRoots(from)) if (!kept.includes(id)) await storage.remove(rootName(id));
    };
    const done = last.then(run);
    // The next step runs whatever became of this one; its caller is told by `done`.
    last = done.catch(() => {});
    return done;
  };
  return {
    state: () => state,
    material: () => {
      const [signer] = roots as [CaSigner, ...CaSigner[]]; // every state has an active root
      return { signer, intermediates: [], roots: roots.map(({ certificate }) => certificate) };
    },
    begin: () =>
      take(async () => {
        // Asked first, so that no key is made in vain.
        nextRotationState(state, { kind: "begin", next: "" });
        return { kind: "begin", next: rootId((await make()).certificate) };
      }),
    step: (step) => take(async () => step),
  };
}

/** Of two processes that start at once, one makes the root and the other takes it. */
async function createFirst(storage: CaStorage, make: () => Promise<CaSigner>): Promise<RotationState> {
  const id = rootId((await make()).certificate);
  const state: RotationState = { phase: "stable", active: id };
  const won = await storage.create(stateName, new Secret(formatRotationState(state)));
  if (!won) await storage.remove(rootName(id));
  return state;
}

async function loadRoots(state: RotationState, storage: CaStorage): Promise<readonly CaSigner[]> {
  return Promise.all(
    trustedRoots(state).map(async (id) => {
      const text = await storage.read(rootName(id));
      if (text === undefined) {
        throw new CaError("bad-material", `${storage.description}: ${rootName(id)} is missing`);
      }
      try {
        return parseRoot(text);
      } catch (cause) {
        throw new CaError("bad-material", `${storage.description}: ${rootName(id)}: ${message(cause)}`, {
          cause,
        });
      }
    }),
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
