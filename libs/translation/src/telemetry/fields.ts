/** Settings of a provider as MeshConfig holds them: of any shape. */
export type Fields = Readonly<Record<string, unknown>>;

/** Settings that cannot be used; the message says what they must be. */
export class UnusableSetting extends Error {}

/** Whether a value is a mapping. */
export function isFields(value: unknown): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A text; empty where there is none. @throws UnusableSetting where it is something else */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value === "string") return value;
  throw new UnusableSetting(`${name} must be text`);
}

/** A list of texts; empty where there is none. @throws UnusableSetting where it is something else */
export function textsOf(fields: Fields, name: string): readonly string[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new UnusableSetting(`${name} must be a list of text`);
}

/** A number; undefined where there is none. @throws UnusableSetting where it is something else */
export function numberOf(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new UnusableSetting(`${name} must be a number`);
}

/** True or false; false where nothing is said. @throws UnusableSetting where it is something else */
export function flagOf(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === "boolean") return value;
  throw new UnusableSetting(`${name} must be true or false`);
}
