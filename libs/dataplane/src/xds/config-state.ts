import type { Clock } from "@weft/base";

/** A resource as it was last taken, for `/config_dump`. */
export interface ConfigRecord {
  readonly name: string;
  /** The encoded message. */
  readonly value: Uint8Array;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number;
  readonly isStatic: boolean;
}

/** The last version of a resource that was refused, while it is not replaced by a good one. */
export interface ConfigFailure extends ConfigRecord {
  readonly details: string;
}

/** What is known of one type of resource. */
export interface ConfigState {
  readonly records: ReadonlyMap<string, ConfigRecord>;
  readonly failures: ReadonlyMap<string, ConfigFailure>;
  /** Version of the type as a whole, as the server last said it. */
  version: string;
  /** Takes a resource. `value` is copied: what is received are views of a whole response. */
  accept(resource: {
    readonly name: string;
    readonly value: Uint8Array;
    readonly version: string;
    readonly isStatic?: boolean;
  }): void;
  reject(
    resource: { readonly name: string; readonly value: Uint8Array; readonly version: string },
    details: string,
  ): void;
  remove(name: string): void;
}

/** Creates the state of one type, empty. */
export function createConfigState(clock: Clock): ConfigState {
  const records = new Map<string, ConfigRecord>();
  const failures = new Map<string, ConfigFailure>();
  return {
    records,
    failures,
    version: "",
    accept({ name, value, version, isStatic = false }) {
      failures.delete(name);
      records.set(name, { name, value: Uint8Array.from(value), version, lastUpdated: clock.now(), isStatic });
    },
    reject({ name, value, version }, details) {
      failures.set(name, {
        name,
        value: Uint8Array.from(value),
        version,
        lastUpdated: clock.now(),
        isStatic: false,
        details,
      });
    },
    remove(name) {
      records.delete(name);
      failures.delete(name);
    },
  };
}
