export { applyHeader, changeRequest, changesRequest } from "./apply.ts";
export type { CheckRequestOptions } from "./check-request.ts";
export type { AuthzDecision, AuthzHeader } from "./decision.ts";
export { createGrpcAuthorizer } from "./grpc-authorizer.ts";
export { createHttpAuthorizer } from "./http-authorizer.ts";
export type { Authorizer, AuthzBody, AuthzSubject } from "./subject.ts";
