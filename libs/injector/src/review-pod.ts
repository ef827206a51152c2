import {
  AnnotationError,
  type Container,
  type InjectionMeshConfig,
  type InjectionPolicy,
  type InjectionValues,
  injectionRequired,
  injectPod,
  type Pod,
  workloadOfPod,
} from "@weft/injection";
import type { AdmissionRequest, AdmissionResponse } from "./admission-review.ts";
import { diffJson } from "./json-patch.ts";

/** What every pod's injection depends on besides the pod. */
export interface InjectorSettings {
  readonly values: InjectionValues;
  readonly mesh: InjectionMeshConfig;
  readonly policy: InjectionPolicy;
  readonly revision: string;
  /** See `InjectionInput` of @weft/injection. */
  readonly nativeSidecars: boolean;
  readonly templates: Readonly<Record<string, Pod>>;
  readonly defaultTemplates: readonly string[];
}

/** What came of a pod, for metrics and logs. */
export type ReviewOutcome = "injected" | "skipped" | "refused";

/** An answer, and what it means. */
export interface PodReview {
  readonly outcome: ReviewOutcome;
  readonly response: AdmissionResponse;
}

/**
 * Answers a request about a pod: the patch that injects it, nothing where it is not to be injected, and a refusal that
 * names the annotation where one cannot be read. `env` is what the webhook's path says for the proxy.
 */
export function reviewPod(
  request: AdmissionRequest,
  settings: InjectorSettings,
  env: Readonly<Record<string, string>>,
): PodReview {
  const { uid, namespace } = request;
  if (request.kind !== "Pod") {
    return refused(uid, 400, `${request.kind || "an object without kind"} cannot be injected, only Pod can`);
  }
  const original: Pod = request.object;
  const metadata = { ...original.metadata, namespace: original.metadata?.namespace || namespace };
  // The API server sets the namespace of a new pod after its admission.
  const pod: Pod = { ...original, metadata };
  if (!injectionRequired(settings.policy, pod.spec ?? {}, metadata)) {
    return { outcome: "skipped", response: { uid, allowed: true } };
  }
  try {
    const { policy: _, ...rest } = settings;
    const injected = withProxyEnv(injectPod({ ...rest, pod, workload: workloadOfPod(pod) }), env);
    const patch = diffJson(asJson(original), asJson(withNamespaceOf(injected, original)));
    return {
      outcome: "injected",
      response: {
        uid,
        allowed: true,
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
      },
    };
  } catch (error) {
    if (!(error instanceof AnnotationError)) throw error;
    return refused(uid, 422, error.message);
  }
}

function refused(uid: string, code: number, message: string): PodReview {
  return { outcome: "refused", response: { uid, allowed: false, status: { code, message } } };
}

function withNamespaceOf(pod: Pod, original: Pod): Pod {
  const { namespace: _, ...metadata } = pod.metadata ?? {};
  const namespace = original.metadata?.namespace;
  return { ...pod, metadata: namespace === undefined ? metadata : { ...metadata, namespace } };
}

/** Sets variables of the proxy's container, in place of those of the same names. */
function withProxyEnv(pod: Pod, env: Readonly<Record<string, string>>): Pod {
  const names = Object.keys(env).sort();
  if (names.length === 0) return pod;
  const set = (containers: readonly Container[] | undefined) =>
    containers?.map((container) =>
      container.name === "istio-proxy"
        ? {
            ...container,
            env: [
              ...(container.env ?? []).filter(({ name }) => !(String(name) in env)),
              ...names.map((name) => ({ name, value: env[name] })),
            ],
          }
        : container,
    );
  const { containers, initContainers, ...spec } = pod.spec ?? {};
  const [own, init] = [set(containers), set(initContainers)];
  return {
    ...pod,
    spec: { ...spec, ...(own ? { containers: own } : {}), ...(init ? { initContainers: init } : {}) },
  };
}

/** Without what JSON does not hold, so that a patch has no empty steps. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
