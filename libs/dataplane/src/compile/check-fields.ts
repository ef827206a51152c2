import { type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Problem } from "@weft/base";
import { type FieldSupport, supportedFields } from "./supported/index.ts";

interface Compiled {
  readonly used: ReadonlySet<string>;
  readonly withoutEffect: Readonly<Record<string, string>>;
}

const compile = ({ used, withoutEffect = {} }: FieldSupport): Compiled => ({
  used: new Set(used.split(/\s+/).filter((name) => name !== "")),
  withoutEffect,
});
const tables: ReadonlyMap<string, Compiled> = new Map(
  [...supportedFields].map(([type, support]) => [type, compile(support)] as const),
);

/**
 * Looks for fields that are set and not implemented: an error for each, so that the resource is refused by name and
 * path; and a warning for each that is taken without effect. Messages inside are looked into where their type is in
 * the table; an Any is not (whoever unpacks it checks it).
 */
export function checkFields(schema: DescMessage, message: Message, path = ""): readonly Problem[] {
  const problems: Problem[] = [];
  walk(reflect(schema, message), path, problems);
  return problems;
}

function walk(message: ReflectMessage, path: string, problems: Problem[]): void {
  const support = tables.get(message.desc.typeName);
  if (support === undefined) return;
  for (const field of message.fields) {
    if (!isFieldSet(message.message, field)) continue;
    const fieldPath = path === "" ? field.name : `${path}.${field.name}`;
    if (!support.used.has(field.name)) {
      problems.push(judge(fieldPath, support.withoutEffect[field.name]));
    } else if (field.fieldKind === "message") {
      walk(message.get(field), fieldPath, problems);
    } else if (field.fieldKind === "list" && field.listKind === "message") {
      let index = 0;
      for (const item of message.get(field))
        walk(item as ReflectMessage, `${fieldPath}[${index++}]`, problems); // a list of messages
    }
  }
}

function judge(path: string, reason: string | undefined): Problem {
  return reason === undefined
    ? {
        severity: "error",
        code: "not-implemented",
        path,
        message: "this proxy does not implement this field",
      }
    : { severity: "warning", code: "without-effect", path, message: `has no effect: ${reason}` };
}
