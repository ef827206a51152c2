import {
  duration,
  policyTargetReference,
  policyTargetReferences,
  workloadSelector,
} from "../schema/scalars.ts";
import {
  boolean,
  double,
  type Infer,
  inCrd,
  list,
  map,
  message,
  nonEmptyString,
  oneOfWords,
  required,
  string,
} from "../schema/schema.ts";

const mode = oneOfWords("CLIENT_AND_SERVER", "CLIENT", "SERVER");
const providers = list(message({ name: required(nonEmptyString()) }));

const tracing = message({
  match: message({ mode }),
  providers,
  randomSamplingPercentage: double(0, 100),
  disableSpanReporting: boolean(),
  disableContextPropagation: boolean(),
  customTags: map(
    message(
      {
        literal: message({ value: required(nonEmptyString()) }),
        environment: message({ name: required(nonEmptyString()), defaultValue: string() }),
        header: message({ name: required(nonEmptyString()), defaultValue: string() }),
        formatter: message({ value: required(nonEmptyString()) }),
      },
      { oneOf: [["literal", "environment", "header", "formatter"]] },
    ),
  ),
  useRequestIdForTraceSampling: boolean(),
  enableIstioTags: boolean(),
});

const metricSelector = message(
  {
    metric: oneOfWords(
      "ALL_METRICS",
      "REQUEST_COUNT",
      "REQUEST_DURATION",
      "REQUEST_SIZE",
      "RESPONSE_SIZE",
      "TCP_OPENED_CONNECTIONS",
      "TCP_CLOSED_CONNECTIONS",
      "TCP_SENT_BYTES",
      "TCP_RECEIVED_BYTES",
      "GRPC_REQUEST_MESSAGES",
      "GRPC_RESPONSE_MESSAGES",
    ),
    customMetric: nonEmptyString(),
    mode,
  },
  { oneOf: [["metric", "customMetric"]] },
);

const tagOverride = inCrd(
  message(
    { operation: oneOfWords("UPSERT", "REMOVE"), value: string() },
    {
      check: ({ operation, value }) => {
        if (operation === "REMOVE" && value !== undefined)
          return "value must not be set with operation REMOVE";
        return operation === "UPSERT" && !value ? "value must be set with operation UPSERT" : undefined;
      },
    },
  ),
  {
    validations: [
      {
        rule: '!has(self.operation) || self.operation != "UPSERT" || (has(self.value) && self.value != "")',
        message: "value must be set when operation is UPSERT",
      },
      {
        rule: '!has(self.operation) || self.operation != "REMOVE" || !has(self.value)',
        message: "value must not be set when operation is REMOVE",
      },
    ],
  },
);

const metrics = message({
  providers,
  overrides: list(message({ match: metricSelector, disabled: boolean(), tagOverrides: map(tagOverride) })),
  reportingInterval: duration(),
});

const accessLogging = message({
  match: message({ mode }),
  providers,
  disabled: boolean(),
  filter: message({ expression: string() }),
});

/** https://istio.io/latest/docs/reference/config/telemetry/ */
export const telemetrySpec = message(
  {
    selector: workloadSelector,
    targetRef: policyTargetReference,
    targetRefs: policyTargetReferences,
    tracing: list(tracing),
    metrics: list(metrics),
    accessLogging: list(accessLogging),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);

/** `spec` of a Telemetry. */
export type Telemetry = Infer<typeof telemetrySpec>;
/** Which requests are traced, how often, with which tags, and where spans go. */
export type TelemetryTracing = Infer<typeof tracing>;
/** Which metrics are kept, with which tags, and by whom. */
export type TelemetryMetrics = Infer<typeof metrics>;
/** Which requests are logged, and where to. */
export type TelemetryAccessLogging = Infer<typeof accessLogging>;
