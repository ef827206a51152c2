/** What an installer gets to work with. */
export interface InstallContext {
  /** An empty folder, made for this install; what stands in it afterwards is moved into the cache as a whole. */
  readonly folder: string;
  /** Prints one line of progress. */
  readonly log: (line: string) => void;
  /** Runs a command to its end and returns its standard output; throws a {@link PeerError} where it fails. */
  readonly run: (command: string, args: readonly string[]) => Promise<string>;
}

/** A program that Weft is tested against. A further peer is a file with one of these, and its place in `peers.ts`. */
export interface Peer {
  readonly name: string;
  /** Exact; a new version is a new folder in the cache. */
  readonly version: string;
  /** What it is for, in a few words, for `--list`. */
  readonly purpose: string;
  /** The environment variable that names another executable or folder, used instead of the cache. */
  readonly env: string;
  /** What of the peer's folder in the cache is used: the path of the executable, or `.` for the folder itself. */
  readonly place: string;
  /** An executable of the folder, and the arguments that make it print a text that holds `version`. */
  readonly versionCommand: readonly [executable: string, ...args: string[]];
  /** Where it can be installed, as `process.platform`-`process.arch`. */
  readonly platforms: readonly string[];
  /** Fills `context.folder`. Throws a {@link PeerError} that says what to do. */
  readonly install: (context: InstallContext) => Promise<void>;
}

/** A peer could not be found or installed; the message says why, and what to do about it. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}
