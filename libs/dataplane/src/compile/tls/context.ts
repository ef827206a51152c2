import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType,
  type ConfigSource,
} from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { SdsSecretConfig } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import {
  type SecretRef,
  type SecretSource,
  type TlsSettings,
  TransportSocketError,
  type TrustSettings,
} from "../../tls/index.ts";
import { checkFields } from "../check-fields.ts";
import { Problems } from "../problems.ts";
import { durationMs } from "../values.ts";
import type { TlsEnvironment } from "./environment.ts";
import { compileParameters } from "./parameters.ts";
import { compileCertificate } from "./secret.ts";
import { compileTrust } from "./trust.ts";

/** Envoy waits this long for a secret where nothing is said. */
const defaultFetchTimeoutMs = 15_000;

/** Compiles what both sides have in common. */
export function compileContext(
  message: CommonTlsContext,
  path: string,
  environment: TlsEnvironment,
  problems: Problems,
): TlsSettings {
  problems.add(checkFields(CommonTlsContextSchema, message, path));
  const inPlace = message.tlsCertificates.flatMap((certificate, index) => {
    const at = `${path}.tls_certificates[${index}]`;
    return compileCertificate(certificate, at, environment.readFile, problems) ?? [];
  });
  const byReference = message.tlsCertificateSdsSecretConfigs.flatMap((config, index) => {
    const at = `${path}.tls_certificate_sds_secret_configs[${index}]`;
    return compileReference(config, at, environment, problems) ?? [];
  });
  const trust = compileValidation(message, path, environment, problems);
  return {
    parameters: compileParameters(message.tlsParams, `${path}.tls_params`, environment.contexts, problems),
    applicationProtocols: message.alpnProtocols,
    secrets: [...byReference, ...(trust?.kind === "secret" ? [trust.ref] : [])],
    certificates: [...inPlace, ...byReference],
    trust,
  };
}

function compileValidation(
  { validationContextType: type }: CommonTlsContext,
  path: string,
  environment: TlsEnvironment,
  problems: Problems,
): TrustSettings | undefined {
  switch (type.case) {
    case undefined:
      return undefined;
    case "validationContext": {
      const rules = compileTrust(type.value, `${path}.validation_context`, environment.readFile, problems);
      return { kind: "fixed", rules };
    }
    case "validationContextSdsSecretConfig": {
      const at = `${path}.validation_context_sds_secret_config`;
      return secretTrust(type.value, at, undefined, environment, problems);
    }
    case "combinedValidationContext": {
      const at = `${path}.combined_validation_context`;
      const { defaultValidationContext: rules, validationContextSdsSecretConfig: config } = type.value;
      if (config === undefined) {
        problems.error(
          `${at}.validation_context_sds_secret_config`,
          "missing",
          "a combined context needs it",
        );
        return undefined;
      }
      if (rules !== undefined) {
        const partial = { partial: true };
        compileTrust(rules, `${at}.default_validation_context`, environment.readFile, problems, partial);
      }
      return secretTrust(config, `${at}.validation_context_sds_secret_config`, rules, environment, problems);
    }
    default:
      return undefined; // reported as a field that is not implemented
  }
}

function secretTrust(
  config: SdsSecretConfig,
  path: string,
  rules: CertificateValidationContext | undefined,
  environment: TlsEnvironment,
  problems: Problems,
): TrustSettings | undefined {
  const ref = compileReference(config, path, environment, problems);
  if (ref === undefined) return undefined;
  return {
    kind: "secret",
    ref,
    compile: ({ message }) => {
      const found = new Problems();
      const compiled = compileTrust(merge(rules, message), ref.name, environment.readFile, found);
      // Whoever was to be verified must not go unverified because a secret says nothing.
      if (compiled.ca === undefined) found.error("trusted_ca", "missing", "holds no trusted CA");
      if (!found.failed) return compiled;
      const text = found.list.map((problem) => `${problem.path}: ${problem.message}`).join("; ");
      throw new TransportSocketError("secrets-not-ready", `secret ${ref.name}: ${text}`);
    },
  };
}

/** Protobuf's merge: lists are appended, other fields replaced. The same as reading one message after the other. */
function merge(
  below: CertificateValidationContext | undefined,
  above: CertificateValidationContext,
): CertificateValidationContext {
  const schema = CertificateValidationContextSchema;
  if (below === undefined) return clone(schema, above);
  return fromBinary(schema, Buffer.concat([toBinary(schema, below), toBinary(schema, above)]));
}

/** Compiles a reference to a secret; its name is unique together with its source. */
function compileReference(
  { name, sdsConfig }: SdsSecretConfig,
  path: string,
  environment: TlsEnvironment,
  problems: Problems,
): SecretRef | undefined {
  if (name === "" || sdsConfig === undefined) {
    problems.error(path, "not-implemented", "needs a name and sds_config: there are no static secrets");
    return undefined;
  }
  const source = compileSource(sdsConfig, `${path}.sds_config`, environment, problems);
  if (source === undefined) return undefined;
  return {
    key: JSON.stringify([source, name]),
    name,
    source,
    initialFetchTimeoutMs: durationMs(sdsConfig.initialFetchTimeout, defaultFetchTimeoutMs),
  };
}

function compileSource(
  { configSourceSpecifier: specifier }: ConfigSource,
  path: string,
  { grpcAddress }: TlsEnvironment,
  problems: Problems,
): SecretSource | undefined {
  switch (specifier.case) {
    case "ads":
      return { kind: "ads" };
    case "path":
      return { kind: "path", path: specifier.value };
    case "pathConfigSource":
      return { kind: "path", path: specifier.value.path };
    case "apiConfigSource": {
      const { apiType, grpcServices } = specifier.value;
      const isDelta = apiType === ApiConfigSource_ApiType.DELTA_GRPC;
      const service = grpcServices[0]?.targetSpecifier;
      if ((!isDelta && apiType !== ApiConfigSource_ApiType.GRPC) || service?.case !== "envoyGrpc") {
        problems.error(
          `${path}.api_config_source`,
          "not-implemented",
          "needs GRPC or DELTA_GRPC with envoy_grpc",
        );
        return undefined;
      }
      const { clusterName } = service.value;
      const address = grpcAddress(clusterName);
      if (address !== undefined) return { kind: "grpc", address, mode: isDelta ? "delta" : "sotw" };
      problems.error(
        `${path}.api_config_source.grpc_services[0].envoy_grpc.cluster_name`,
        "unknown-cluster",
        `there is no static cluster "${clusterName}" with an endpoint`,
      );
      return undefined;
    }
    default:
      problems.error(path, "not-implemented", "needs ads, api_config_source, path_config_source or path");
      return undefined;
  }
}
