/** What of an AdmissionRequest is looked at. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
export interface AdmissionRequest {
  readonly uid: string;
  readonly namespace: string;
  readonly kind: string;
  readonly operation: string;
  readonly dryRun: boolean;
  readonly object: Readonly<Record<string, unknown>>;
}

/** The answer to one; `message` says why something is not allowed. */
export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
  readonly patchType?: "JSONPatch";
  /** Base64 of the operations. */
  readonly patch?: string;
}

/** A body that is no AdmissionReview of v1 with a request. */
export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** The version of reviews, asked and answered. */
export const reviewVersion = "admission.k8s.io/v1";

/** @throws ReviewError saying what is missing */
export function parseReview(body: string): AdmissionRequest {
  const review = parseJson(body);
  if (!isObject(review) || review.kind !== "AdmissionReview") {
    throw new ReviewError("the body is no AdmissionReview");
  }
  if (review.apiVersion !== reviewVersion) {
    throw new ReviewError(
      `AdmissionReview of ${JSON.stringify(review.apiVersion)}; understood is ${reviewVersion}`,
    );
  }
  const { request } = review;
  if (!isObject(request)) throw new ReviewError("AdmissionReview: request: is missing");
  const { uid, namespace, kind, operation, dryRun, object } = request;
  if (typeof uid !== "string" || uid === "")
    throw new ReviewError("AdmissionReview: request.uid: is missing");
  if (!isObject(object)) throw new ReviewError("AdmissionReview: request.object: is missing");
  return {
    uid,
    namespace: typeof namespace === "string" ? namespace : "",
    kind: isObject(kind) ? String(kind.kind) : "",
    operation: String(operation),
    dryRun: dryRun === true,
    object,
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new ReviewError(`the body is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
