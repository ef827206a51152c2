import type { Secret } from "@weft/pki";

/**
 * Where a CA keeps its keys and its state, by name (`state.json`, `root-1a2b-key.pem`). A folder on one machine; a Kubernetes Secret can be
 * another. All content is secret.
 */
export interface CaStorage {
  /** For messages: `folder /var/lib/weft/ca`. */
  readonly description: string;
  /** Undefined where there is no such entry. */
  read(name: string): Promise<Secret<string> | undefined>;
  /** Replaces an entry as a whole: after a crash it is the old or the new, never a part. */
  write(name: string, content: Secret<string>): Promise<void>;
  /** Writes an entry unless there is one; false where there is. Two processes that race get one winner. */
  create(name: string, content: Secret<string>): Promise<boolean>;
  /** No error where there is no such entry. */
  remove(name: string): Promise<void>;
}
