import type { Cluster, Host, PickContext, RetryPriority } from "../../runtime/cluster.ts";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { TerminalStream } from "../../runtime/http-filter.ts";
import type { ClusterTraffic } from "../../upstream/cluster-traffic.ts";
import { type RetryState, rateLimitedBackoff, retryBackoff } from "./retry.ts";

/** A further try that is wanted. */
export interface WantedRetry {
  readonly retry: RetryState;
  /** The host of the try before; undefined where none was found. */
  readonly host: Host | undefined;
  /** Headers of the response that asks for it. */
  readonly answer?: HeaderMap | undefined;
  /** Called when it is time. */
  readonly onDue: () => void;
}

/** The further tries of one request: how many there were, when the next is due, and what it wants of its host. */
export class Retries {
  /** Tries after the first. */
  count = 0;
  readonly #stream: TerminalStream;
  readonly #cluster: Cluster;
  readonly #traffic: ClusterTraffic;
  #policy: RetryState["policy"] | undefined;
  #tried: Set<Host> | undefined;
  #priority: RetryPriority | undefined;
  #cancel: (() => void) | undefined;

  constructor(stream: TerminalStream, cluster: Cluster, traffic: ClusterTraffic) {
    this.#stream = stream;
    this.#cluster = cluster;
    this.#traffic = traffic;
  }

  /** Whether a try is left; notes it where none is. */
  left({ remaining }: RetryState): boolean {
    if (remaining > 0) return true;
    this.#stream.info.flags.add("URX");
    this.#traffic.retryLimitExceeded.inc();
    return false;
  }

  /** Schedules a try; false where the cluster's breaker for retries is open. */
  schedule({ retry, host, answer, onDue }: WantedRetry): boolean {
    const permit = this.#cluster.acquire("retry");
    if (permit === undefined) return false;
    retry.remaining--;
    this.count++;
    this.#traffic.retries.inc();
    this.#policy = retry.policy;
    if (host !== undefined) this.#remember(host, retry.policy);
    const cancel = this.#stream.clock.after(this.#wait(retry.policy, answer), () => {
      this.#cancel = undefined;
      permit.release();
      try {
        onDue();
      } catch (error) {
        this.#stream.fail(error);
      }
    });
    this.#cancel = () => {
      cancel();
      permit.release();
    };
    return true;
  }

  #remember(host: Host, { avoidPreviousHosts, retryPriorityFrequency }: RetryState["policy"]): void {
    if (avoidPreviousHosts) {
      this.#tried ??= new Set();
      this.#tried.add(host);
    }
    if (retryPriorityFrequency === undefined) return;
    this.#priority ??= { updateFrequency: retryPriorityFrequency, attempted: [], excluded: new Set() };
    this.#priority.attempted.push(host.priority);
  }

  /** Milliseconds until the next try. */
  #wait(policy: RetryState["policy"], answer: HeaderMap | undefined): number {
    const { clock } = this.#stream;
    const asked = answer && rateLimitedBackoff(policy, answer, clock.now());
    const random = this.#stream.random();
    if (asked === undefined) {
      this.#traffic.retryBackoff.inc();
      return retryBackoff(policy, this.count, random);
    }
    this.#traffic.retryRateLimitedBackoff.inc();
    // As Envoy: up to half as long again, so that not all come back at once.
    return Math.floor(asked * (1 + random / 2));
  }

  /** What a further try wants of its host. */
  get wishes(): PickContext {
    const policy = this.#policy;
    return {
      ...(this.#tried !== undefined && { tried: this.#tried }),
      ...(policy?.rejectsHost !== undefined && { rejects: policy.rejectsHost }),
      ...(this.#priority !== undefined && { retryPriority: this.#priority }),
      attempts: Math.max(1, policy?.hostSelectionAttempts ?? 1),
    };
  }

  /** The try that is due is not wanted any more. */
  cancel(): void {
    this.#cancel?.();
  }
}
