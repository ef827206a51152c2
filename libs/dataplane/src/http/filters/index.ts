import type { HttpFilterFactory } from "../../compile/environment.ts";
import { cors } from "./cors/compile.ts";
import { fault } from "./fault/compile.ts";
import { grpcStats } from "./grpc-stats/compile.ts";

/** The HTTP filters of this proxy besides the router. Order has no meaning: configuration gives it. */
export const httpFilterFactories: readonly HttpFilterFactory[] = [cors, fault, grpcStats];
