const two = (value: number) => String(value).padStart(2, "0");
const three = (value: number) => String(value).padStart(3, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const parts: Readonly<Record<string, (time: Date) => string>> = {
  "%Y": (time) => String(time.getUTCFullYear()),
  "%y": (time) => two(time.getUTCFullYear() % 100),
  "%m": (time) => two(time.getUTCMonth() + 1),
  "%b": (time) => months[time.getUTCMonth()] ?? "",
  "%d": (time) => two(time.getUTCDate()),
  "%H": (time) => two(time.getUTCHours()),
  "%M": (time) => two(time.getUTCMinutes()),
  "%S": (time) => two(time.getUTCSeconds()),
  "%E3S": (time) => `${two(time.getUTCSeconds())}.${three(time.getUTCMilliseconds())}`,
  "%3f": (time) => three(time.getUTCMilliseconds()),
  "%6f": (time) => `${three(time.getUTCMilliseconds())}000`,
  "%9f": (time) => `${three(time.getUTCMilliseconds())}000000`,
  "%f": (time) => `${three(time.getUTCMilliseconds())}000000`,
  "%s": (time) => String(Math.floor(time.getTime() / 1000)),
  "%F": (time) => time.toISOString().slice(0, 10),
  "%T": (time) => time.toISOString().slice(11, 19),
  "%z": () => "+0000",
  "%Z": () => "UTC",
  "%%": () => "%",
};

/**
 * Compiles a strftime format as Envoy takes it, in UTC; empty gives `2026-01-31T12:00:00.000Z`. What is no known
 * conversion stands for itself.
 */
export function compileTimeFormat(format: string): (epochMs: number) => string {
  if (format === "") return (epochMs) => new Date(epochMs).toISOString();
  const pieces = format.split(/(%E3S|%[369]f|%[A-Za-z%])/).map((piece) => parts[piece] ?? piece);
  return (epochMs) => {
    const time = new Date(epochMs);
    return pieces.map((piece) => (typeof piece === "string" ? piece : piece(time))).join("");
  };
}
