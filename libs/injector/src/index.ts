export {
  type AdmissionRequest,
  type AdmissionResponse,
  parseReview,
  ReviewError,
} from "./admission-review.ts";
export { createInjector, type Injector, type InjectorOptions } from "./injector.ts";
export { type InjectorSettings, type PodReview, reviewPod } from "./review-pod.ts";
export { defaultValues, readSettings, SettingsError } from "./settings.ts";
