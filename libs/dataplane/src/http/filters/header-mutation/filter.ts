import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";
import type { HeaderMutation } from "../../../runtime/route.ts";
import { mutateHeaders } from "../../header-mutation.ts";

/** Changes to requests and to responses, in order. */
export interface MessageMutations {
  readonly request: readonly HeaderMutation[];
  readonly response: readonly HeaderMutation[];
}

/** Changes headers where it stands in the chain. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_mutation_filter */
export function createHeaderMutationFilter(name: string, own: MessageMutations): HttpFilter {
  return {
    name,
    open: (stream) =>
      new MutatingStream(stream, own, stream.filterConfig(name) as MessageMutations | undefined), // made by our compileRoute
  };
}

class MutatingStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #own: MessageMutations;
  readonly #ofRoute: MessageMutations | undefined;

  constructor(stream: HttpStream, own: MessageMutations, ofRoute: MessageMutations | undefined) {
    this.#stream = stream;
    this.#own = own;
    this.#ofRoute = ofRoute;
  }

  onRequest({ headers }: RequestHead): FilterStatus {
    mutateHeaders(headers, this.#own.request, this.#stream.info);
    if (this.#ofRoute !== undefined) mutateHeaders(headers, this.#ofRoute.request, this.#stream.info);
    return "continue";
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    mutateHeaders(headers, this.#own.response, this.#stream.info);
    if (this.#ofRoute !== undefined) mutateHeaders(headers, this.#ofRoute.response, this.#stream.info);
    return "continue";
  }
}
