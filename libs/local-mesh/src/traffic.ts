import type { Clock } from "@weft/base";
import { createHttpClient } from "./http-client.ts";
import type { TrafficRequest } from "./local-settings.ts";

/** A trickle of requests that goes on until it is closed. */
export interface Traffic {
  readonly sent: number;
  /** Answered 5xx, or not at all. */
  readonly failed: number;
  close(): void;
}

/** Most requests under way; while it is reached, no further ones are sent. */
const maxOpen = 20;

/**
 * Sends `perSecond` requests a second through `baseUrl`, going round `requests`, each as often as its weight says.
 */
export function startTraffic(options: {
  readonly baseUrl: string;
  readonly requests: readonly TrafficRequest[];
  readonly perSecond: number;
  readonly clock: Clock;
}): Traffic {
  const { baseUrl, perSecond, clock } = options;
  const round = spread(options.requests);
  const client = createHttpClient(maxOpen);
  let sent = 0;
  let failed = 0;
  let open = 0;
  let cancel = () => {};
  const tick = () => {
    cancel = clock.after(1000 / perSecond, tick);
    const request = round[sent % round.length];
    if (request === undefined || open >= maxOpen) return;
    sent++;
    open++;
    client
      .get(baseUrl + request.path, request.headers)
      .then(
        ({ status }) => status < 500,
        () => false,
      )
      .then((well) => {
        open--;
        if (!well) failed++;
      });
  };
  tick();
  return {
    get sent() {
      return sent;
    },
    get failed() {
      return failed;
    },
    close: () => {
      cancel();
      client.close();
    },
  };
}

/** Each request as often as its weight, well mixed: weights 3 and 1 give a, a, b, a. */
export function spread(requests: readonly TrafficRequest[]): TrafficRequest[] {
  const total = requests.reduce((sum, { weight }) => sum + weight, 0);
  const credit = requests.map(() => 0);
  return Array.from({ length: total }, () => {
    requests.forEach(({ weight }, index) => {
      credit[index] = (credit[index] ?? 0) + weight;
    });
    const chosen = credit.indexOf(Math.max(...credit));
    credit[chosen] = (credit[chosen] ?? 0) - total;
    return requests[chosen] as TrafficRequest; // an index of `credit`, which is as long
  });
}
