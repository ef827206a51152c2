/** How a command shows its result: `short` is a table. */
export type OutputFormat = "json" | "yaml" | "short";

/** The formats, for `--output`. */
export const outputFormats: readonly OutputFormat[] = ["json", "yaml", "short"];

/** Writes a value as JSON (4 spaces, as istioctl) or YAML. */
export async function formatValue(value: unknown, format: "json" | "yaml"): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, null, 4)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0 });
}
