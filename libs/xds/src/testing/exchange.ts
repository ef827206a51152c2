import { createFakeClock, type FakeClock } from "@weft/base";
import { type EncodedResource, type ResourceSet, typeUrls } from "@weft/envoy-api";
import { decodeResponse, type ReceivedResponse } from "../decode-response.ts";
import { createOnce } from "../once.ts";
import { createResourceSet, encodeResource } from "../resource-set.ts";
import { createResponseEncoder } from "../response.ts";
import { createStream, type Stream, type StreamEvent } from "../stream.ts";
import { onDeltaRequest, onSotwRequest, type XdsMode } from "../subscription.ts";

/** Short names of the types, as in `CDS`. */
export const short = {
  CDS: typeUrls.cluster,
  EDS: typeUrls.endpoint,
  LDS: typeUrls.listener,
  RDS: typeUrls.route,
  VHDS: typeUrls.virtualHost,
  SDS: typeUrls.secret,
} as const;

/** One of {@link short}. */
export type Short = keyof typeof short;

/** A message with its name in the first field, as all have it, and a text in the second: as far as the server looks. */
export function resource(type: Short, name: string, content = ""): EncodedResource {
  const text = (field: number, value: string) =>
    Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
  return encodeResource(name, short[type], Buffer.concat([text(1, name), text(2, content)]));
}

/** A set out of texts like `CDS a` and `CDS a=content`. */
export function setOf(...resources: readonly string[]): ResourceSet {
  return createResourceSet(
    resources.map((text) => {
      const [type = "", name = "", content] = text.split(/[ =]/);
      return resource(type as Short, name, content);
    }),
  );
}

/** A response as text: `CDS a b -c`. */
export function spell(response: ReceivedResponse): string {
  const type = Object.entries(short).find(([, typeUrl]) => typeUrl === response.typeUrl)?.[0];
  return [
    type,
    ...response.resources.map(({ name }) => name),
    ...response.removed.map((name) => `-${name}`),
  ].join(" ");
}

/** What a request says, all of it optional. */
export interface RequestParts {
  /** State of the world: the names; incremental: the names to subscribe to. */
  readonly names?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly nonce?: string;
  readonly error?: string;
  readonly version?: string;
  readonly initial?: Readonly<Record<string, string>>;
}

/** A stream without a transport, and the test's hand on both of its ends. */
export interface Exchange {
  readonly clock: FakeClock;
  readonly stream: Stream;
  readonly events: StreamEvent[];
  /** Responses written and not taken yet. */
  readonly written: ReceivedResponse[];
  request(type: Short, parts?: RequestParts): void;
  /** Takes the next response, which must be there. */
  take(): ReceivedResponse;
  /** Takes all responses and ACKs each, until there are no more; returns them as text. State of the world: `names` by type. */
  settle(names?: Partial<Record<Short, readonly string[]>>): string[];
  /** Whether writes leave at once; when made to wait, `flush` lets what was written leave. */
  hold(): void;
  flush(): void;
  /** Lets all writes leave at once again. */
  release(): void;
}

/** Opens an {@link Exchange}. */
export function openExchange(mode: XdsMode): Exchange {
  const clock = createFakeClock();
  const events: StreamEvent[] = [];
  const written: ReceivedResponse[] = [];
  let holding = false;
  let flushed: (() => void)[] = [];
  const stream = createStream({
    clock,
    encoder: createResponseEncoder(),
    once: createOnce(),
    ackTimeoutMs: 5_000,
    write: ({ bytes }, done) => {
      written.push(decodeResponse(mode, bytes));
      if (holding) flushed.push(done);
      else done();
    },
    onEvent: (event) => events.push(event),
  });
  const request = (type: Short, parts: RequestParts = {}) => {
    const { names = [], unsubscribe = [], nonce = "", error, version = "", initial = {} } = parts;
    const errorDetail = error === undefined ? undefined : { code: 13, message: error };
    const typeUrl = short[type];
    const common = { typeUrl, responseNonce: nonce, errorDetail };
    stream.request(typeUrl, (previous) =>
      mode === "sotw"
        ? onSotwRequest(previous, { ...common, versionInfo: version, resourceNames: names }, clock.now())
        : onDeltaRequest(
            previous,
            {
              ...common,
              resourceNamesSubscribe: names,
              resourceNamesUnsubscribe: unsubscribe,
              initialResourceVersions: initial,
            },
            clock.now(),
          ),
    );
  };
  const take = () => {
    const response = written.shift();
    if (response === undefined) throw new Error("the server has sent nothing");
    return response;
  };
  const flush = () => {
    const done = flushed;
    flushed = [];
    for (const each of done) each();
  };
  return {
    clock,
    stream,
    events,
    written,
    request,
    take,
    settle: (names = {}) => {
      const spelled: string[] = [];
      while (written.length > 0) {
        const response = take();
        spelled.push(spell(response));
        const type = Object.keys(short).find((key) => short[key as Short] === response.typeUrl) as Short;
        request(type, { nonce: response.nonce, names: mode === "sotw" ? (names[type] ?? []) : [] });
      }
      return spelled;
    },
    hold: () => {
      holding = true;
    },
    flush,
    release: () => {
      holding = false;
      flush();
    },
  };
}
