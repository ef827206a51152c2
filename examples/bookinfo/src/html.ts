/** A piece of HTML that is safe to put into a page as it is. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | undefined | readonly Html[];

/** Tagged template for HTML: what is put in is escaped, unless it is {@link Html} itself. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.reduce((text, next, index) => text + render(parts[index - 1]) + next) };
}

/** Text that is HTML already, such as a style sheet. */
export function raw(text: string): Html {
  return { html: text };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function render(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "string") return part.replace(/[&<>"']/g, (char) => entities[char] ?? char);
  if (typeof part === "number") return String(part);
  return "html" in part ? part.html : part.map((inner) => inner.html).join("");
}
