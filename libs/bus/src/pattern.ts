/**
 * Compiles a subject pattern of NATS (https://docs.nats.io/nats-concepts/subjects#wildcards) to a predicate.
 * Throws where it is malformed: an empty token, or `>` before the end.
 */
export function compilePattern(pattern: string): (subject: string) => boolean {
  const tokens = pattern.split(".");
  if (tokens.some((token) => token === "" || /\s/.test(token))) {
    throw new Error(
      `subject pattern "${pattern}": empty token, allowed are names, "*" and a last ">" between dots`,
    );
  }
  if (tokens.slice(0, -1).includes(">"))
    throw new Error(`subject pattern "${pattern}": ">" is allowed only at the end`);
  const open = tokens.at(-1) === ">";
  const fixed = open ? tokens.slice(0, -1) : tokens;
  return (subject) => {
    const parts = subject.split(".");
    if (open ? parts.length <= fixed.length : parts.length !== fixed.length) return false;
    return fixed.every((token, index) => token === "*" || token === parts[index]);
  };
}
