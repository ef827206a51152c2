import { createServer, type Server, type Socket } from "node:net";
import type { SocketAddress } from "../runtime/connection.ts";
import type { ListenerConfig } from "../runtime/listener-config.ts";
import type { StatsStore } from "../stats/index.ts";
import { Listener, type ListenerDependencies } from "./listener.ts";

/** A listener of the manager, for the admin API. */
export interface ListenerStatus {
  readonly config: ListenerConfig;
  /** Where it takes connections: the ports as bound, where the configuration leaves them open (0). */
  readonly localAddresses: readonly SocketAddress[];
  readonly connectionCount: number;
}

/** A listener could not be bound. */
export class BindError extends Error {
  override readonly name = "BindError";
  readonly code: string;
  constructor(listener: string, address: SocketAddress, cause: NodeJS.ErrnoException) {
    const where =
      address.port === 0 && address.address.startsWith("/") ? address.address : addressKey(address);
    super(`cannot bind '${where}' for listener ${listener}: ${cause.message}`, { cause });
    this.code = cause.code ?? "UNKNOWN";
  }
}

/** All listeners of the proxy. Changes are done one after the other, in the order they were asked for. */
export interface ListenerManager {
  /**
   * Adds a listener, or gives it a new configuration: sockets whose address stays are kept open.
   * @throws {BindError} the listener is then as it was before
   */
  upsert(config: ListenerConfig): Promise<void>;
  /** Stops listening; connections drain. */
  remove(name: string): Promise<void>;
  readonly listeners: ReadonlyMap<string, ListenerStatus>;
  /** Lets connections finish, and stops listening: at once, after `graceMs`, or (infinity) not. Of all listeners that `which` takes. */
  drain(which: (config: ListenerConfig) => boolean, graceMs: number): void;
  /** Open connections of all listeners, removed ones that still drain included. */
  connectionCount(): number;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/** A socket that is bound for a listener. */
interface Bound {
  readonly server: Server;
  readonly address: SocketAddress;
}

interface Entry {
  readonly listener: Listener;
  readonly bound: Map<string, Bound>;
}

const wildcards = ["0.0.0.0", "::"];
const addressKey = ({ address, port }: SocketAddress) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

/** Creates a manager without listeners. */
export function createListenerManager(
  dependencies: ListenerDependencies & { readonly stats: StatsStore },
): ListenerManager {
  const { stats, clock, logger } = dependencies;
  const scope = stats.scope("listener_manager");
  const entries = new Map<string, Entry>();
  /** Who owns an address, bound or not. */
  const owners = new Map<string, Listener>();
  /** Removed listeners that have connections left. */
  const leaving = new Set<Listener>();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs one change after all before it. */
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const done = last.then(change, change);
    last = done.catch(() => {}); // the caller has the error
    return done;
  };

  const find = ({ address, port }: SocketAddress): Listener | undefined => {
    for (const candidate of [address, ...wildcards]) {
      const owner = owners.get(addressKey({ address: candidate, port }));
      if (owner !== undefined) return owner;
    }
    return undefined;
  };

  const bind = (name: string, address: SocketAddress, backlog: number, accept: (socket: Socket) => void) =>
    new Promise<Bound>((resolve, reject) => {
      const server = createServer({ pauseOnConnect: true, noDelay: true }, accept);
      server.once("error", (error) => reject(new BindError(name, address, error)));
      server.listen(
        address.port === 0 && address.address.startsWith("/")
          ? { path: address.address, backlog }
          : { host: address.address, port: address.port, backlog, ipv6Only: address.address === "::" },
        () => {
          server.removeAllListeners("error");
          // Running out of descriptors must not end the process: the connection is refused, and it is logged.
          server.on("error", (error) => logger.error({ err: error, listener: name }, "cannot accept"));
          const bound = server.address();
          resolve({
            server,
            address:
              typeof bound === "object" && bound !== null
                ? { address: bound.address, port: bound.port }
                : address,
          });
        },
      );
    });

  const unbind = ({ server }: Bound) => new Promise<void>((resolve) => server.close(() => resolve()));
  /** A closed server's callback waits for its connections; the port itself is free at once. */
  const unbindAll = (bound: Iterable<Bound>) => {
    for (const one of bound) void unbind(one);
  };

  const claim = (config: ListenerConfig, listener: Listener) => {
    for (const [key, owner] of owners) if (owner === listener) owners.delete(key);
    for (const address of config.addresses) owners.set(addressKey(address), listener);
  };
  const forgetGone = () => {
    for (const listener of leaving) if (listener.connectionCount === 0) leaving.delete(listener);
  };
  const count = () => {
    scope.gauge("total_listeners_active").set(entries.size);
    scope.gauge("total_listeners_draining").set(leaving.size);
  };

  const upsert = async (config: ListenerConfig) => {
    const present = entries.get(config.name);
    if (present?.listener.config.version === config.version) return;
    const listener = present?.listener ?? new Listener(config, find, dependencies);
    const before = present?.bound ?? new Map<string, Bound>();
    const after = new Map<string, Bound>();
    const fresh: Bound[] = [];
    try {
      for (const address of config.bindToPort ? config.addresses : []) {
        const key = addressKey(address);
        const kept = before.get(key);
        const bound =
          kept ?? (await bind(config.name, address, config.backlog, (socket) => listener.accept(socket)));
        if (kept === undefined) fresh.push(bound);
        after.set(key, bound);
      }
    } catch (error) {
      unbindAll(fresh);
      scope.counter("listener_create_failure").inc();
      throw error;
    }
    scope.counter("listener_create_success").inc();
    scope.counter(present === undefined ? "listener_added" : "listener_modified").inc();
    unbindAll([...before].filter(([key]) => !after.has(key)).map(([, bound]) => bound));
    if (present !== undefined) listener.update(config);
    claim(config, listener);
    entries.set(config.name, { listener, bound: after });
    count();
  };

  const remove = async (name: string) => {
    const entry = entries.get(name);
    if (entry === undefined) return;
    entries.delete(name);
    for (const [key, owner] of owners) if (owner === entry.listener) owners.delete(key);
    unbindAll(entry.bound.values());
    entry.listener.drain();
    forgetGone();
    leaving.add(entry.listener);
    scope.counter("listener_removed").inc();
    count();
  };

  return {
    upsert: (config) => inTurn(() => upsert(config)),
    remove: (name) => inTurn(() => remove(name)),
    get listeners() {
      return new Map(
        [...entries].map(([name, { listener, bound }]) => [
          name,
          {
            config: listener.config,
            localAddresses: listener.config.addresses.map(
              (address) => bound.get(addressKey(address))?.address ?? address,
            ),
            connectionCount: listener.connectionCount,
          },
        ]),
      );
    },
    drain(which, graceMs) {
      for (const { listener, bound } of entries.values()) {
        if (!which(listener.config)) continue;
        listener.drain();
        const stop = () => {
          unbindAll(bound.values());
          bound.clear();
        };
        if (graceMs === 0) stop();
        else if (Number.isFinite(graceMs)) clock.after(graceMs, stop);
      }
    },
    connectionCount() {
      forgetGone();
      const all = [...[...entries.values()].map(({ listener }) => listener), ...leaving];
      return all.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
    },
    close: () =>
      inTurn(async () => {
        for (const { listener, bound } of entries.values()) {
          const closing = [...bound.values()].map(unbind);
          listener.close();
          await Promise.all(closing);
        }
        for (const listener of leaving) listener.close();
        leaving.clear();
        entries.clear();
        owners.clear();
      }),
  };
}
